import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { timelineOf } from '../src/domain/timeline.js'
import { KeypostError } from '../src/errors.js'
import * as answers from '../src/schemas/answers.js'
import { IdParams } from '../src/schemas/common.js'
import { EventLines, EventPage, KeypostEvent } from '../src/schemas/event.js'
import { EventQuery } from '../src/schemas/event-query.js'
import { Timeline } from '../src/schemas/timeline.js'

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
      description:
        'Newest first unless `order` is `asc`; `since` ≤ `time` < `until`.' +
        '\n\nWith `Accept: application/x-ndjson` the whole list comes, without `limit` and `cursor`, an item a line. If its ' +
        'connection ends without the end of the answer, it was not all.',
      tags,
      querystring: EventQuery,
      response: { 200: answers.listed(EventPage, EventLines, 'Events.'), ...refusals('invalid_cursor') },
    },
    handler: ({ query }, reply) => reply.list(query, (query) => app.engine.list('events', query)),
  })

  app.route({
    method: 'GET',
    url: '/events/:id',
    schema: {
      operationId: 'getEvent',
      summary: 'Read an event',
      description: 'As it was published, for as long as events are kept.',
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

  app.route({
    method: 'GET',
    url: '/events/:id/timeline',
    schema: {
      operationId: 'getTimeline',
      summary: 'Read what happened to an event',
      description:
        'When it was published, each attempt to handle it, how it ended, and whether it was redriven or replayed.',
      tags,
      params: IdParams,
      response: { 200: answers.one(Timeline, 'The timeline, up to now.'), ...refusals('not_found') },
    },
    handler: async ({ params }) => {
      const trace = await app.engine.get('traces', params.id)
      if (trace !== null) return { items: timelineOf(trace) }
      throw new KeypostError('not_found', 'There is no event with this id that could have a result.')
    },
  })
}

export default events
