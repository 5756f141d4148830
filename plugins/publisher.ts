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
  async (app, config) => {
    const publisher = new Publisher(app.engine, {
      peppers: app.peppers,
      source: config.KEYPOST_SOURCE,
      operationTtlMs: config.OPERATION_TTL_MS,
      maxUnfinished: config.MAX_UNFINISHED,
      dataSchemas: app.dataSchemas,
      observer: app.metrics,
      tracer: app.tracer,
    })
    app.decorate('publisher', publisher)
  },
  { name: 'publisher', dependencies: ['engine', 'handlers', 'pepper', 'metrics', 'tracing'] },
)
