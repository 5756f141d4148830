import { type Static, Type } from 'typebox'
import { TopicName } from './event.js'

const counter = (description: string) => Type.Integer({ minimum: 0, description })

/** The events of a topic, counted exactly. `processing_results` has `published` only. */
export const counters = {
  published: counter('All there ever were.'),
  processed: counter('Those with a result `processed`.'),
  dead: counter('Those with a result `dead`, also when it was discarded since.'),
  pending: counter('Those not handled yet.'),
  retrying: counter('Those that failed and will be tried again.'),
  discarded: counter('The dead letters that were deleted.'),
}
export const TopicCounters = Type.Object(counters, { $id: 'TopicCounters', additionalProperties: false })
export type TopicCounters = Static<typeof TopicCounters>

export const exampleCounters: TopicCounters = {
  published: 12,
  processed: 11,
  dead: 0,
  pending: 1,
  retrying: 0,
  discarded: 0,
}

export const Topic = Type.Object(
  { topic: TopicName, ...counters },
  { $id: 'Topic', additionalProperties: false },
)

export const TopicList = Type.Object(
  { items: Type.Array(Topic) },
  {
    $id: 'TopicList',
    additionalProperties: false,
    examples: [{ items: [{ topic: 'key_submission', ...exampleCounters }] }],
  },
)
