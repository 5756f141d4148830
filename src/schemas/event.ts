import { type Static, Type } from 'typebox'
import { Id, PageOf, Timestamp } from './common.js'
import * as examples from './examples.js'

/** No control characters: index entries are made of these. */
const PrintableText = (annotations: { description: string }) =>
  Type.String({
    pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]{1,255}$',
    maxLength: 255,
    ...annotations,
  })

export const TopicName = Type.String({ pattern: '^[a-z][a-z0-9_.-]{0,62}$', maxLength: 63 })
export const EventType = PrintableText({ description: 'What happened.' })
export const Subject = PrintableText({ description: 'Which record it is about.' })

/** A CloudEvents 1.0 event in the JSON format, with the extension attributes `topic` and `traceparent`. */
export const KeypostEvent = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Id,
    source: Type.String({ description: 'A URI reference: who published it.' }),
    type: EventType,
    subject: Type.Optional(Subject),
    time: Timestamp,
    topic: TopicName,
    traceparent: Type.Optional(Type.String()),
    changed: Type.Optional(
      Type.String({ description: 'Of an update: the names of the fields it changed, by commas.' }),
    ),
    data: Type.Unknown(),
  },
  { $id: 'Event', additionalProperties: false, examples: [examples.event] },
)
export type KeypostEvent = Static<typeof KeypostEvent>

export const EventPage = PageOf(KeypostEvent, 'EventPage')
