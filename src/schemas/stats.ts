import { type Static, Type } from 'typebox'
import { Nullable, Timestamp } from './common.js'
import { exampleCounters, TopicCounters } from './topic.js'

const ProcessorStats = Type.Object(
  {
    id: Type.String(),
    partitions: Type.Array(Type.Integer({ minimum: 0 }), {
      description: 'Those that it handles the events of.',
    }),
    lastPollAt: Nullable(Timestamp),
  },
  { additionalProperties: false },
)

export const Stats = Type.Object(
  {
    engine: Type.Enum(['embedded', 'redis'], { type: 'string' }),
    topics: Type.Record(Type.String(), TopicCounters),
    conserved: Type.Boolean({
      description: 'Whether published = processed + dead + pending + retrying, for every topic with results.',
    }),
    oldestUnfinishedAt: Nullable(Timestamp),
    processors: Type.Array(ProcessorStats),
    uptimeSeconds: Type.Integer({ minimum: 0 }),
  },
  {
    $id: 'Stats',
    additionalProperties: false,
    examples: [
      {
        engine: 'embedded',
        topics: { key_submission: exampleCounters },
        conserved: true,
        oldestUnfinishedAt: '2026-01-31T12:00:00.000Z',
        processors: [{ id: 'api-1', partitions: [0], lastPollAt: '2026-01-31T12:00:01.000Z' }],
        uptimeSeconds: 3600,
      },
    ],
  },
)
export type Stats = Static<typeof Stats>
