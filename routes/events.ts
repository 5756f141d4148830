import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { KeypostError } from '../src/errors.js'
import * as answers from '../src/schemas/answers.js'
import { IdParams } from '../src/schemas/common.js'
import { EventPage, KeypostEvent } from '../src/schemas/event.js'
import { EventQuery } from '../src/schemas/event-query.js'

const { refusals } = answers
const tags = ['events']

/** /events: what happened. */
const events: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'GET',
    url: '/events',
    schema: {
      operationId: 'listEvents',
      summary: 'List events',
      description: 'Newest first unless `order` is `asc`; `since` ≤ `time` < `until`.',
      tags,
      querystring: EventQuery,
      response: { 200: answers.page(EventPage, 'A page of events.'), ...refusals('invalid_cursor') },
    },
    handler: async ({ query }, reply) => reply.page(await app.engine.list('events', { limit: 50, ...query })),
  })

  app.route({
    method: 'GET',
    url: '/events/:id',
    schema: {
      operationId: 'getEvent',
      summary: 'Read an event',
      tags,
      params: IdParams,
      response: { 200: answers.one(KeypostEvent, 'The event, a CloudEvent.'), ...refusals('not_found') },
    },
    handler: async ({ params }) => {
      const event = await app.engine.get('events', params.id)
      if (event === null) throw new KeypostError('not_found', 'There is no event with this id.')
      return event
    },
  })
}

export default events
