import type { TopicCounters } from '../schemas/topic.js'
import { topics } from './topics.js'

/** Those of a topic on which nothing happened. */
export const noCounters: Readonly<TopicCounters> = {
  published: 0,
  processed: 0,
  dead: 0,
  pending: 0,
  retrying: 0,
  discarded: 0,
}

/** The counters of every topic, in the order of names; the standard topics are there from the beginning. */
export function withStandardTopics(counted: Record<string, TopicCounters>): Record<string, TopicCounters> {
  const all = { ...Object.fromEntries(Object.values(topics).map((topic) => [topic, noCounters])), ...counted }
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Whether every event of every topic that has results is accounted for, once. */
export const isConserved = (counted: Record<string, TopicCounters>): boolean =>
  Object.entries(counted).every(
    ([topic, { published, processed, dead, pending, retrying }]) =>
      topic === topics.results || published === processed + dead + pending + retrying,
  )
