import { type Static, Type } from 'typebox'
import { Id, Timestamp } from './common.js'

export const TopicName = Type.String({ pattern: '^[a-z][a-z0-9_.-]{0,62}$', maxLength: 63 })
export const EventType = Type.String({ minLength: 1, maxLength: 255 })
export const Subject = Type.String({ minLength: 1, maxLength: 255 })

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
  { $id: 'Event', additionalProperties: false },
)
export type KeypostEvent = Static<typeof KeypostEvent>
