import { noCounters } from '../../domain/counters.js'
import type { TopicCounters } from '../../schemas/topic.js'
import { keys, lastPart, under } from './keys.js'
import type { Store } from './store.js'

/** Adds to the counters of a topic. */
export const count = (store: Store, partition: number, topic: string, by: Partial<TopicCounters>): void =>
  add(store, keys.counters(partition, topic), by)

/**
 * Adds to what of a topic was swept: counters are never taken back, so they are what there is and this.
 */
export const countSwept = (
  store: Store,
  partition: number,
  topic: string,
  by: Partial<TopicCounters>,
): void => add(store, keys.swept(partition, topic), by)

const add = (store: Store, key: Buffer, by: Partial<TopicCounters>): void =>
  store.put(key, JSON.stringify(sum(countersIn(store.get(key)), by)))

/** The counters of every topic, over all partitions. */
export function allCounters(store: Store, partitions: number): Record<string, TopicCounters> {
  const all: Record<string, TopicCounters> = {}
  for (let partition = 0; partition < partitions; partition++)
    for (const { key, value } of store.range(under('counters', partition))) {
      const topic = lastPart(key)
      all[topic] = sum(all[topic] ?? noCounters, countersIn(value))
    }
  return all
}

const countersIn = (text: string | undefined): TopicCounters =>
  text === undefined ? noCounters : JSON.parse(text)

function sum(counters: TopicCounters, by: Partial<TopicCounters>): TopicCounters {
  const result = { ...counters }
  for (const [name, value] of Object.entries(by)) result[name as keyof TopicCounters] += value
  return result
}
