import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { statsOf } from '../src/bus/stats.js'
import * as answers from '../src/schemas/answers.js'
import { Stats } from '../src/schemas/stats.js'

/** /stats: exact counters, and who handles what. */
const stats: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'GET',
    url: '/stats',
    schema: {
      operationId: 'getStats',
      summary: 'Read counters and processors',
      description: 'The counters are exact: they are kept in the very steps that publish and settle events.',
      tags: ['operation'],
      response: { 200: answers.one(Stats, 'As of now.'), ...answers.refusals() },
    },
    handler: () => statsOf(app.engine),
  })
}

export default stats
