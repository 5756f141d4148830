import type { Readable } from 'node:stream'
import { Type } from 'typebox'
import { MAX_CURSOR } from './common.js'
import { filters } from './event-query.js'
import * as examples from './examples.js'

const id = (description: string) =>
  Type.Optional(Type.String({ maxLength: MAX_CURSOR, description, examples: ['ZXZlbnRzLGFzYw'] }))

/** GET /events/stream */
export const EventStreamQuery = Type.Object(
  {
    topic: filters.topic,
    type: filters.type,
    lastEventId: id(
      'The `id` of a message after which to go on, for clients that cannot send the header, as `EventSource` ' +
        'at first. `Last-Event-ID` goes before it.',
    ),
  },
  { additionalProperties: false },
)

export const EventStreamHeaders = Type.Object({
  'last-event-id': id('The `id` of the last message that was received. Goes before `lastEventId`.'),
})

export const ServerSentEvents = Type.Unsafe<Readable>(
  Type.String({
    $id: 'ServerSentEvents',
    description: 'Messages as WHATWG HTML §9.2.5 has them.',
    examples: [`id: ZXZlbnRzLGFzYw\ndata: ${JSON.stringify(examples.event)}\n\n`],
  }),
)
