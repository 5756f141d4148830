import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { withinRequest } from '../src/bus/origin.js'
import { newId } from '../src/domain/ids.js'

const VALID = /^[A-Za-z0-9._-]{1,128}$/

/** The client's `X-Request-Id` if it is harmless in a log, else a new one. For Fastify's `genReqId`. */
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
