import { type Static, Type } from 'typebox'
import { Id, Nullable, PageOf, Timestamp } from './common.js'
import { EventType, KeypostEvent, Subject, TopicName } from './event.js'
import { filters } from './event-query.js'
import * as examples from './examples.js'
import { HandlerError } from './result.js'

const FailedAttempt = Type.Object(
  { at: Timestamp, processor: Type.String({ description: 'Who handled it.' }), error: HandlerError },
  { additionalProperties: false },
)

/** An event whose result is `dead`. Its id is the event's. */
export const DeadLetter = Type.Object(
  {
    id: Id,
    topic: TopicName,
    type: EventType,
    subject: Nullable(Subject),
    error: HandlerError,
    handler: Type.String(),
    attempts: Type.Array(FailedAttempt, {
      description: 'Every attempt since the event was published, redriven or replayed, oldest first.',
    }),
    publishedAt: Timestamp,
    diedAt: Timestamp,
    redrives: Type.Integer({ minimum: 0, description: 'How often it was redriven before.' }),
    event: Type.Union([KeypostEvent, Type.Null()], { description: 'null: it was lost.' }),
  },
  { $id: 'DeadLetter', additionalProperties: false, examples: [examples.deadLetter] },
)
export type DeadLetter = Static<typeof DeadLetter>

export const DeadLetterPage = PageOf(DeadLetter, 'DeadLetterPage')

/** POST /dead-letters/{id}/redrive. */
export const Redriven = Type.Object(
  { id: Id, topic: TopicName, type: EventType, subject: Nullable(Subject), redrivenAt: Timestamp },
  {
    $id: 'Redriven',
    additionalProperties: false,
    examples: [
      {
        id: examples.event.id,
        topic: examples.event.topic,
        type: examples.event.type,
        subject: examples.event.subject,
        redrivenAt: '2026-01-31T12:30:00.000Z',
      },
    ],
  },
)
export type Redriven = Static<typeof Redriven>

/** POST /dead-letters/redrive: which ones, by `since` ≤ `diedAt` < `until`; without a filter all of them. */
export const Redrive = Type.Object(
  {
    ...filters,
    dryRun: Type.Optional(
      Type.Boolean({ default: false, description: 'Count what matches, and change nothing.' }),
    ),
  },
  {
    $id: 'Redrive',
    additionalProperties: false,
    examples: [{ topic: 'key_submission', since: '2026-01-31T00:00:00.000Z', dryRun: true }],
  },
)
export type Redrive = Static<typeof Redrive>

export const RedriveReport = Type.Object(
  {
    dryRun: Type.Boolean(),
    matched: Type.Integer({ minimum: 0, description: 'At most 10,000.' }),
    redriven: Type.Integer({
      minimum: 0,
      description: 'Fewer than matched if some were lost, or not dead any more when it was their turn.',
    }),
    more: Type.Boolean({ description: 'There may be more that match: send the request again.' }),
  },
  {
    $id: 'RedriveReport',
    additionalProperties: false,
    examples: [{ dryRun: true, matched: 42, redriven: 0, more: false }],
  },
)
export type RedriveReport = Static<typeof RedriveReport>
