import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { withinRequest } from '../src/bus/origin.js'
import { newId } from '../src/domain/ids.js'

/** What makers of such ids make: UUIDs, and as many hex digits without hyphens. Anything else could be a secret. */
const VALID = /^[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}$/i

/** The client's `X-Request-Id` if it is harmless in logs and answers, else a new one. For Fastify's `genReqId`. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const sent = request.headers['x-request-id']
  return typeof sent === 'string' && VALID.test(sent) ? sent : newId()
}

/** Every answer names its request, and so does every event that comes of it. */
export default fp(
  async (app) => {
    app.addHook('onRequest', async (request, reply) => {
      reply.header('x-request-id', request.id)
    })
    // Only what comes to a handler can publish.
    app.addHook('preHandler', (request, _reply, done) => withinRequest(request.id, done))
  },
  { name: 'request-id' },
)
