import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { withStandardTopics } from '../src/domain/counters.js'
import * as answers from '../src/schemas/answers.js'
import { TopicList } from '../src/schemas/topic.js'

/** /topics: the streams of events. */
const topics: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'GET',
    url: '/topics',
    schema: {
      operationId: 'listTopics',
      summary: 'List the topics, with their counters',
      tags: ['events'],
      response: { 200: answers.one(TopicList, 'Every topic.'), ...answers.refusals() },
    },
    handler: async () => {
      const { topics } = await app.engine.stats()
      const items = Object.entries(withStandardTopics(topics)).map(([topic, counters]) => ({
        topic,
        ...counters,
      }))
      return { items }
    },
  })
}

export default topics
