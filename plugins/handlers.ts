import fp from 'fastify-plugin'
import { DataSchemas } from '../src/bus/data-schemas.js'
import type { Handler } from '../src/bus/handler.js'
import type { Config } from '../src/config.js'
import { type HandlerDefinition, handlerOf } from '../src/handlers/define.js'
import { standardHandlers } from '../src/handlers/index.js'
import { loadHandlers } from '../src/handlers/load.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** All that this process has: Keypost's own, those of the folder `HANDLERS`, and those that it was given. */
    handlers: Handler[]
    /** What their events' data is checked against. */
    dataSchemas: DataSchemas
  }
}

/** What is done with events, and which are taken. */
export default fp<Config & { given?: HandlerDefinition[] }>(
  async (app, { HANDLERS: folder, given = [] }) => {
    const loaded = folder === undefined ? [] : await loadHandlers(folder)
    const custom = [...loaded, ...given.map(handlerOf)]
    app.decorate('handlers', [...standardHandlers, ...custom])
    app.decorate('dataSchemas', new DataSchemas(custom))
  },
  { name: 'handlers' },
)
