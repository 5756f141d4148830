import type { FastifyReply, FastifyRequest, FastifySchema, RouteHandlerMethod } from 'fastify'
import fp from 'fastify-plugin'
import { type TObject, Type } from 'typebox'
import { Idempotency } from '../src/bus/idempotency.js'
import type { Config } from '../src/config.js'
import type { Operation } from '../src/domain/context.js'
import { newId } from '../src/domain/ids.js'
import { refusals } from '../src/schemas/answers.js'
import { headers as headersOfAnswers } from '../src/schemas/headers.js'
import { IdempotencyKey, idempotencyKeyIn } from '../src/schemas/idempotency.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** What a POST carries out: that of its `Idempotency-Key`, or one of its own. */
    readonly operation: Operation
  }
}

/** The headers that are part of an answer. */
const HEADERS = ['location', 'etag', 'keypost-event-id', 'preference-applied'] as const

/**
 * `Idempotency-Key` on every POST route that is registered later. A route hands `request.operation` to what it
 * calls; what it returns is remembered, an error that it throws is not.
 */
export default fp<Config>(
  async (app, { OPERATION_TTL_MS: ttlMs }) => {
    const idempotency = new Idempotency(app.engine, app.peppers)
    const operations = new WeakMap<FastifyRequest, Operation>()
    app.decorateRequest('operation', {
      getter() {
        const operation = operations.get(this) ?? { id: newId(), ttlMs }
        operations.set(this, operation)
        return operation
      },
    })

    const once = (handler: RouteHandlerMethod): RouteHandlerMethod =>
      async function (request, reply) {
        const header = request.headers['idempotency-key']
        if (typeof header !== 'string') return handler.call(this, request, reply)
        // By name, so that a client may send again with its next token.
        const client = request.client?.name ?? null
        const path = request.url.split('?', 1)[0] ?? ''
        const scope = [client, request.method, path, idempotencyKeyIn(header)]
        const content = { body: request.body ?? {}, query: request.query }
        const { answer, replayed } = await idempotency.once(scope, content, async (operation) => {
          operations.set(request, operation)
          const body = await handler.call(this, request, reply)
          return { status: reply.statusCode, headers: headersOf(reply), body }
        })
        if (replayed) reply.header('idempotent-replayed', 'true')
        reply.code(answer.status).headers(answer.headers)
        return answer.body
      }

    app.addHook('onRoute', (route) => {
      if (route.method !== 'POST' || route.schema?.operationId === undefined) return
      route.handler = once(route.handler)
      describe(route.schema)
    })
  },
  { name: 'idempotency', dependencies: ['auth', 'engine', 'pepper'] },
)

const headersOf = (reply: FastifyReply): Record<string, string> =>
  Object.fromEntries(
    HEADERS.flatMap((name) => (reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [])),
  )

/** Adds the header and the answers that are the same for every POST. */
function describe(schema: FastifySchema): void {
  const { headers, response } = schema as {
    headers?: TObject
    response?: Record<string, { headers?: object }>
  }
  schema.headers = Type.Object({ ...headers?.properties, ...IdempotencyKey.properties })
  const answers = Object.entries(response ?? {}).map(([status, answer]) => [
    status,
    status.startsWith('2')
      ? { ...answer, headers: { ...answer.headers, ...headersOfAnswers.replayed } }
      : answer,
  ])
  schema.response = { 422: refusals('idempotency_mismatch')[422], ...Object.fromEntries(answers) }
}
