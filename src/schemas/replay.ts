import { type Static, Type } from 'typebox'
import { Id, Nullable, Timestamp } from './common.js'
import { EventType, TopicName } from './event.js'
import * as examples from './examples.js'

/** POST /replays: which events. */
export const ReplayInput = Type.Object(
  {
    topic: TopicName,
    types: Type.Optional(Type.Array(EventType, { minItems: 1, maxItems: 50, uniqueItems: true })),
    since: Timestamp,
    until: Type.Optional(Timestamp),
  },
  {
    $id: 'ReplayInput',
    additionalProperties: false,
    description: 'Those with `since` ≤ `time` < `until`, which is now at the latest, and if it is left out.',
    examples: [{ topic: 'key_submission', types: ['key.submitted'], since: '2026-01-31T00:00:00.000Z' }],
  },
)
export type ReplayInput = Static<typeof ReplayInput>

const count = (description: string) => Type.Integer({ minimum: 0, description })

/** Past events on their way to their handlers again. */
export const Replay = Type.Object(
  {
    id: Id,
    topic: TopicName,
    types: Nullable(Type.Array(EventType)),
    since: Timestamp,
    until: Timestamp,
    status: Type.Enum(['running', 'done', 'cancelled'], { type: 'string' }),
    found: count('The events looked at so far.'),
    replayed: count('Those that are handled again.'),
    skipped: count('Those that are not: unfinished, dead or gone.'),
    createdAt: Timestamp,
    finishedAt: Nullable(Timestamp),
  },
  { $id: 'Replay', additionalProperties: false, examples: [examples.replay] },
)
export type Replay = Static<typeof Replay>

export const ReplayList = Type.Object(
  { items: Type.Array(Replay) },
  { $id: 'ReplayList', additionalProperties: false, examples: [{ items: [examples.replay] }] },
)
