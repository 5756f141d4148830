import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { isConserved, withStandardTopics } from '../src/domain/counters.js'
import type { Fleet } from '../src/engines/engine.js'
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
      tags: ['operation'],
      response: { 200: answers.one(Stats, 'As of now.'), ...answers.refusals() },
    },
    handler: async () => {
      const [counted, fleet] = await Promise.all([app.engine.stats(), app.engine.lease(null, [])])
      return {
        engine: app.engine.name,
        topics: withStandardTopics(counted.topics),
        conserved: isConserved(counted.topics),
        oldestUnfinishedAt: counted.oldestUnfinishedAt,
        processors: processorsOf(fleet),
        uptimeSeconds: Math.floor(process.uptime()),
      }
    },
  })
}

/** One that died is listed for as long as it is of interest that it did. */
const SILENT_MS = 60_000

const age = (time: string | null): number => (time === null ? 0 : Date.now() - Date.parse(time))

const processorsOf = ({ processors, leases }: Fleet) => {
  const partitionsOf = (id: string) =>
    leases.flatMap((lease, partition) => (lease?.processor === id ? [partition] : []))
  return processors
    .filter(({ beat, lastPollAt }) => beat > 0 && age(lastPollAt) < SILENT_MS)
    .map(({ id, lastPollAt }) => ({ id, partitions: partitionsOf(id), lastPollAt }))
}

export default stats
