import type { FastifyContextConfig, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../src/config.js'
import { errors, KeypostError } from '../src/errors.js'
import { codesOf, type Refusal, refusal } from '../src/schemas/answers.js'
import { headers } from '../src/schemas/headers.js'
import { isBearer, ownerOf, type Scope, type Token } from '../src/tokens.js'
import { timesSent } from './protocol.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose token came with it; `null` on open paths, and where no tokens are configured. */
    client: Pick<Token, 'name' | 'scopes'> | null
  }
  interface FastifyContextConfig {
    /** What its token must allow, where the method does not say it: GET and HEAD read, others write. */
    scope?: Scope
    /** It is answered without a token. */
    open?: true
  }
}

/**
 * Bearer tokens (RFC 6750), in the header alone: URLs end up in logs and histories. Once there are any, every
 * path needs one but the open ones, also a path that does not exist. Nothing of a body is read before.
 */
export const authentication = fp<Config>(
  async (app, { tokens }) => {
    app.decorateRequest('client', null)
    app.addHook('onRoute', ({ method, config, schema }) => {
      if (schema?.operationId !== undefined) describe(schema, config?.open ? null : scopeOf(method, config))
    })
    if (tokens.length === 0) return

    app.addHook('onRequest', async (request, reply) => {
      if (request.routeOptions.config.open) return
      const { name, scopes } = owner(request, reply, tokens)
      request.client = { name, scopes }
    })
  },
  { name: 'auth', dependencies: ['problems'] },
)

/** What a token may do. After the limits, so that what it may not do counts as its client's, and is told as such. */
export const authorization = fp(
  async (app) => {
    app.addHook('onRequest', async ({ client, method, routeOptions, is404 }, reply) => {
      if (client === null) return
      // What is not there needs no scope, and says so to whoever has a token; nor does asking for the methods.
      const scope = is404 || method === 'OPTIONS' ? null : scopeOf(method, routeOptions.config)
      if (scope === null || client.scopes.has(scope)) return
      challenge(reply, 'insufficient_scope', `, scope="${scope}"`)
      throw new KeypostError('insufficient_scope', `It takes a token with the scope "${scope}".`)
    })
  },
  { name: 'authorization', dependencies: ['auth', 'client-limit'] },
)

const READING: unknown[] = ['GET', 'HEAD']

const scopeOf = (method: string | string[], config: FastifyContextConfig | undefined): Scope =>
  config?.scope ?? ([method].flat().every((each) => READING.includes(each)) ? 'read' : 'write')

/** @throws unauthorized, invalid_request */
function owner(request: FastifyRequest, reply: FastifyReply, tokens: Token[]): Token {
  const sent = credentials(request)
  if (sent === undefined) {
    challenge(reply)
    throw new KeypostError('unauthorized', 'Send a token in the header: `Authorization: Bearer kp_…`.')
  }
  const token = /^Bearer +(\S.*)?$/i.exec(sent)?.[1] ?? ''
  if (!isBearer(token)) {
    challenge(reply, 'invalid_request')
    throw new KeypostError('invalid_request', 'The token could not be read.', [
      { in: 'header', pointer: '/authorization', message: 'must be "Bearer" and one token (RFC 6750 §2.1)' },
    ])
  }
  const found = ownerOf(token, tokens)
  if (found !== null) return found
  challenge(reply, 'invalid_token')
  throw new KeypostError('unauthorized', 'The token is not one of those that are configured.')
}

/**
 * What `Authorization` says; undefined if nothing about a token, as with another scheme. Node keeps only the
 * first of several headers, and two of them are as malformed as one with two tokens in it.
 */
function credentials({ headers: { authorization = '' }, raw }: FastifyRequest): string | undefined {
  if (!/^Bearer(?![^\s,])/i.test(authorization)) return undefined
  return timesSent(raw, 'authorization') > 1 ? 'Bearer' : authorization
}

/** RFC 6750 §3: without an error when no credentials were sent. */
function challenge(reply: FastifyReply, error?: string, more = ''): void {
  const reason = error === undefined ? '' : `, error="${error}"${more}`
  reply.header('www-authenticate', `Bearer realm="keypost"${reason}`)
}

/** Adds to an operation which scope it takes (null: no token), and how it answers without. */
function describe(schema: FastifySchema, scope: Scope | null): void {
  schema.security = scope === null ? [] : [{ bearer: [scope] }]
  if (scope === null) return
  const answers = schema.response as Record<number, Refusal>
  for (const code of ['unauthorized', 'insufficient_scope'] as const) {
    const { status } = errors[code]
    const codes = new Set([...codesOf(answers[status]), code])
    answers[status] = { ...refusal([...codes]), headers: headers.challenge }
  }
}
