import fp from 'fastify-plugin'
import type { Config } from '../src/config.js'
import type { Peppers } from '../src/domain/context.js'
import { pepperIn } from '../src/engines/embedded/pepper.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The secrets that fingerprints are made with: the first writes, all match. */
    peppers: Peppers
  }
}

/** The configured peppers, or the one that is kept beside the embedded engine's data. */
export default fp<Config>(
  async (app, { peppers: [first, ...others], DATA_DIR }) => {
    app.decorate('peppers', [first ?? (await pepperIn(DATA_DIR)), ...others])
  },
  { name: 'pepper' },
)
