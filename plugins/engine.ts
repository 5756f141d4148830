import fp from 'fastify-plugin'
import type { Config } from '../src/config.js'
import { pepperId } from '../src/domain/secrets.js'
import { openEmbedded } from '../src/engines/embedded/index.js'
import type { Engine } from '../src/engines/engine.js'
import { openRedis } from '../src/engines/redis/index.js'

declare module 'fastify' {
  interface FastifyInstance {
    engine: Engine
  }
}

/** What the process does when going on would do harm. */
export type OnFatal = (error: Error) => void

/** Where everything is kept: on Redis if there is a `REDIS_URL`, else in the folder `DATA_DIR`. */
export default fp<Config & { onFatal: OnFatal }>(
  async (app, { DATA_DIR: dataDir, PARTITIONS: partitions, onFatal }) => {
    const common = { partitions, pepperIds: app.peppers.map(pepperId), onFatal }
    const engine =
      app.redis === null
        ? await openEmbedded({
            ...common,
            dataDir,
            onWarning: ({ code, message }) => app.log.warn({ code }, message),
          })
        : await openRedis({
            ...common,
            connections: app.redis,
            onWarning: ({ code, message }) => {
              if (code === 'data_lost') app.alarmedLog.error({ alarm: code }, message)
              else app.log.warn({ code }, message)
            },
          })
    app.decorate('engine', engine)
    app.addHook('onClose', () => engine.close())
  },
  { name: 'engine', dependencies: ['redis', 'pepper', 'metrics'] },
)
