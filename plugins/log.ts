import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { traceIdOf } from '../src/bus/tracer.js'

/**
 * What the log may hold of a request and an error. Never the URL, a header or a body: these may contain a key.
 * An error of a dependency may carry what it was called with, so only its name, message and stack are kept.
 */
export const serializers = {
  req: (request: FastifyRequest) => ({ method: request.method, route: request.routeOptions?.url ?? null }),
  res: (reply: Pick<FastifyReply, 'statusCode'>) => ({ status: reply.statusCode }),
  err: (error: Error & { code?: unknown }) => ({
    type: error.name,
    message: error.message,
    code: String(error.code ?? ''),
    stack: error.stack ?? '',
  }),
}

/** The paths that machines ask for every few seconds. */
const PROBES = new Set(['/livez', '/readyz', '/metrics'])
export const isProbe = ({ routeOptions: { url } }: FastifyRequest): boolean => PROBES.has(url ?? '')

/**
 * One line an answer, with the pattern of the route in place of the URL, and of a token only whose it is. `eventId`
 * and `traceId` lead from it to the lines of the event that it published, in whatever process.
 */
export default fp(
  async (app) => {
    app.addHook('onResponse', async (request, reply) => {
      request.log[isProbe(request) ? 'debug' : 'info'](
        {
          method: request.method,
          route: request.routeOptions.url ?? null,
          status: reply.statusCode,
          client: request.client?.name,
          eventId: reply.getHeader('keypost-event-id'),
          traceId: traceIdOf(request.traceparent),
          ms: Math.round(reply.elapsedTime * 10) / 10,
        },
        'answered',
      )
    })
  },
  { name: 'log' },
)
