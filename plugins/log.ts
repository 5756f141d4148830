import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

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

/** One line an answer, with the pattern of the route in place of the URL. */
export default fp(
  async (app) => {
    app.addHook('onResponse', async (request, reply) => {
      request.log.info(
        {
          method: request.method,
          route: request.routeOptions.url ?? null,
          status: reply.statusCode,
          ms: Math.round(reply.elapsedTime * 10) / 10,
        },
        'answered',
      )
    })
  },
  { name: 'log' },
)
