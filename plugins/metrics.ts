import fp from 'fastify-plugin'
import type { Log } from '../src/bus/settings.js'
import type { Config } from '../src/config.js'
import { Metrics } from '../src/telemetry/metrics.js'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
    /** The log, for whatever raises alarms: they are counted. */
    alarmedLog: Log
  }
}

/** What is counted of this app, and of each answer. */
export default fp<Config>(
  async (app, { REDIS_URL }) => {
    const metrics = new Metrics(REDIS_URL === undefined ? 'embedded' : 'redis')
    app.decorate('metrics', metrics)
    app.decorate('alarmedLog', metrics.alarmed(app.log))
    app.addHook('onResponse', (request, reply, done) => {
      const { method, routeOptions } = request
      metrics.answered(
        { method, route: routeOptions.url ?? null, status: reply.statusCode },
        reply.elapsedTime,
      )
      done()
    })
  },
  { name: 'metrics' },
)
