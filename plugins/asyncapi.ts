import fp from 'fastify-plugin'
import { asyncapi } from '../src/asyncapi.js'

/** The AsyncAPI document at /asyncapi.json. Like the OpenAPI document it tells nothing of the data. */
export default fp(
  async (app) => {
    app.get('/asyncapi.json', { config: { open: true }, schema: { hide: true } }, async () => asyncapi)
  },
  { name: 'asyncapi' },
)
