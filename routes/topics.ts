import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import cloudevents, { receiveEvent } from '../plugins/cloudevents.js'
import { withStandardTopics } from '../src/domain/counters.js'
import * as answers from '../src/schemas/answers.js'
import { Accepted, EventBody, EventHeaders, TopicParams } from '../src/schemas/event-input.js'
import { Prefer } from '../src/schemas/prefer.js'
import { Result } from '../src/schemas/result.js'
import { TopicList } from '../src/schemas/topic.js'

/** /topics: the streams of events. */
const topics: FastifyPluginAsyncTypebox = async (app) => {
  await app.register(cloudevents)

  app.route({
    method: 'GET',
    url: '/topics',
    schema: {
      operationId: 'listTopics',
      summary: 'List the topics, with their counters',
      description: 'The three of Keypost and every one that an event was ever published on.',
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

  app.route({
    method: 'POST',
    url: '/topics/:topic/events',
    preValidation: receiveEvent,
    schema: {
      operationId: 'publishEvent',
      summary: 'Publish an event on a topic of your own',
      description:
        'The topic is made by its first event. Send the event in short (`type`, `data` and perhaps `subject`), or ' +
        'as a CloudEvent 1.0: in structured mode, or in binary mode with `ce-` headers and JSON as its data. ' +
        'Events of one subject are handled one after the other, in the order of their publication. Data that ' +
        'does not fit the schema of the handler of its type is refused, if the process that serves this has ' +
        'handlers.\n\n' +
        'Keypost gives the event its `id`, `source` and `time`; those of a CloudEvent are kept as `clientid`, ' +
        '`clientsource` and `clienttime`, and its extension attributes as they are. A CloudEvent that is sent ' +
        'again within 24 hours, by the same client to the same topic with the same `source`, `id` and `subject`, is not ' +
        'published again: the first one is answered, or, if its type or data are others, 422.\n\n' +
        'With `Prefer: wait=N` the answer waits for the result.',
      tags: ['events'],
      params: TopicParams,
      headers: Type.Object({ ...EventHeaders.properties, ...Prefer.properties }),
      body: EventBody,
      response: {
        201: answers.preferred(answers.published(Result, 'The result of the event.')),
        202: answers.preferred(answers.published(Accepted, 'The event is kept, and will be handled.')),
        ...answers.refusals(
          'reserved_topic',
          'idempotency_mismatch',
          'schema_mismatch',
          'backlog_full',
          ...answers.bodyRefusals,
        ),
      },
    },
    handler: async ({ params, body, operation, client }, reply) => {
      const {
        id,
        topic,
        type,
        subject = null,
        time,
      } = await app.publisher.publishEvent(params.topic, body, operation, client?.name)
      reply.code(202).headers({ location: `/events/${id}`, 'keypost-event-id': id })
      const result = await reply.outcomeOf(id)
      if (result === null) return { id, topic, type, subject, time }
      reply.code(201)
      return result
    },
  })
}

export default topics
