import fp from 'fastify-plugin'
import { Publisher } from '../src/bus/publisher.js'
import type { Config } from '../src/config.js'

declare module 'fastify' {
  interface FastifyInstance {
    publisher: Publisher
  }
}

/** The one way for routes to change something. */
export default fp<Config>(
  async (app, { KEYPOST_SOURCE: source, OPERATION_TTL_MS: operationTtlMs }) => {
    const options = { pepper: app.peppers[0], source, operationTtlMs }
    app.decorate('publisher', new Publisher(app.engine, options))
  },
  { name: 'publisher', dependencies: ['engine', 'pepper'] },
)
