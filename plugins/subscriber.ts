import fp from 'fastify-plugin'
import { settingsOf } from '../src/bus/settings.js'
import { type Subscriber, startSubscriber } from '../src/bus/subscriber.js'
import type { Config } from '../src/config.js'
import type { Engine } from '../src/engines/engine.js'
import type { Check } from '../src/schemas/health.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether events are being handled: by this process, or with `SUBSCRIBER=off` by any. */
    handling(): Check | Promise<Check>
  }
}

/** Handles events in this process, from when it is ready until it closes. */
export default fp<Config>(
  async (app, config) => {
    if (config.SUBSCRIBER === 'off') {
      app.decorate('handling', () => anyProcessor(app.engine, config.LEASE_MS))
      return
    }
    let subscriber: Subscriber | undefined
    app.decorate('handling', () => subscriber?.health() ?? { ok: false, detail: 'not started' })
    app.addHook('onReady', async () => {
      subscriber = startSubscriber({
        engine: app.engine,
        publisher: app.publisher.unlimited(),
        handlers: app.handlers,
        settings: settingsOf(config),
        log: app.alarmedLog,
        observer: app.metrics,
        tracer: app.tracer,
      })
    })
    app.addHook('onClose', () => subscriber?.stop())
  },
  { name: 'subscriber', dependencies: ['engine', 'handlers', 'publisher', 'metrics', 'tracing'] },
)

/** A processor that lives announces itself several times a lease; clocks may differ by another. */
async function anyProcessor(engine: Engine, leaseMs: number): Promise<Check> {
  const { processors } = await engine.lease(null, [])
  const polls = processors.flatMap(({ lastPollAt }) => (lastPollAt === null ? [] : [Date.parse(lastPollAt)]))
  const age = Date.now() - Math.max(...polls)
  return age <= 2 * leaseMs
    ? { ok: true, detail: `another process polled ${Math.max(0, age)} ms ago` }
    : { ok: false, detail: 'no process handles events' }
}
