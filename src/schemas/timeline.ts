import { type Static, Type } from 'typebox'
import { Timestamp } from './common.js'
import * as examples from './examples.js'
import { HandlerError } from './result.js'

export const Moment = Type.Object(
  {
    at: Timestamp,
    what: Type.Enum(
      ['published', 'delivered', 'failed', 'retry', 'processed', 'dead', 'redriven', 'replayed'],
      { type: 'string', description: '`retry`: when the next attempt is due.' },
    ),
    attempt: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Counted since it was published, redriven or replayed.' }),
    ),
    processor: Type.Optional(Type.String({ description: 'Who handled it.' })),
    error: Type.Optional(HandlerError),
  },
  { additionalProperties: false },
)
export type Moment = Static<typeof Moment>

/** What happened to an event, each moment after those that led to it. */
export const Timeline = Type.Object(
  { items: Type.Array(Moment) },
  { $id: 'Timeline', additionalProperties: false, examples: [examples.timeline] },
)
