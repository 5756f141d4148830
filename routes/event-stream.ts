import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { BadCursor } from '../src/engines/errors.js'
import { KeypostError } from '../src/errors.js'
import * as answers from '../src/schemas/answers.js'
import { EventStreamHeaders, EventStreamQuery, ServerSentEvents } from '../src/schemas/event-stream.js'

/** When to try again: a place is free when another stream ends, which nobody knows before. In seconds. */
const RETRY_AFTER = 10

/** /events/stream: what happens, as it happens. */
const eventStream: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'GET',
    url: '/events/stream',
    schema: {
      operationId: 'streamEvents',
      summary: 'Follow events as they are published',
      description:
        'Server-sent events (WHATWG HTML §9.2). Every event is a message without a name: its `data` is the CloudEvent ' +
        'on one line, its `id` the place after it. Events of one subject come in the order of their publication.\n\n' +
        'Without an id, everything that is published after the headers of the answer comes. With the id of the last ' +
        'message, everything after that, nothing twice, from whatever process. A message without data tells the ' +
        'place at the start, and every 15 seconds where it is by now.\n\n' +
        'A message with the name `reset` says that something was missed: `{"reason": "swept"}` if events after the ' +
        'place are not kept any more (those that are follow), `{"reason": "lost"}` if the data does not have the place, ' +
        'as it was lost or restored (all that is kept follows).\n\n' +
        'A client that takes nothing for 30 seconds is cut off. It can go on like every other.',
      tags: ['events'],
      querystring: EventStreamQuery,
      headers: EventStreamHeaders,
      response: {
        200: {
          description: 'Messages, until the client or the service ends it.',
          content: { 'text/event-stream': { schema: ServerSentEvents } },
        },
        ...answers.refusals('invalid_cursor', 'too_many_streams'),
      },
    },
    handler: async (request, reply) => {
      const { topic, type, lastEventId } = request.query
      const header = request.headers['last-event-id'] || undefined
      reply.headers({
        'content-type': 'text/event-stream',
        'x-accel-buffering': 'no',
        // Nothing can come after it on this connection.
        connection: 'close',
      })
      if (request.method === 'HEAD') return Readable.from([])
      const filter = { ...(topic !== undefined && { topic }), ...(type !== undefined && { type }) }
      try {
        const client = request.client?.name ?? request.ip
        return await app.streams.open(client, filter, (header ?? lastEventId) || null)
      } catch (error) {
        reply.removeHeader('connection').removeHeader('x-accel-buffering')
        if (error instanceof KeypostError) reply.header('retry-after', RETRY_AFTER)
        if (!(error instanceof BadCursor)) throw error
        throw new KeypostError('invalid_cursor', 'The id is not one of a stream with these filters.', [
          {
            ...(header === undefined
              ? ({ in: 'query', pointer: '/lastEventId' } as const)
              : ({ in: 'header', pointer: '/last-event-id' } as const)),
            message: 'must be the id of a message of such a stream',
          },
        ])
      }
    },
  })
}

export default eventStream
