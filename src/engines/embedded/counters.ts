import { noCounters } from '../../domain/counters.js'
import type { TopicCounters } from '../../schemas/topic.js'
import type { Ended } from '../engine.js'
import { keys, lastPart, under } from './keys.js'
import type { Store } from './store.js'

/** Adds to the counters of a topic. */
export function count(store: Store, partition: number, topic: string, by: Partial<TopicCounters>): void {
  const key = keys.counters(partition, topic)
  store.put(key, JSON.stringify(sum(countersIn(store.get(key)), by)))
}

/** How many events of a topic were removed, and how they had ended; of the results' topic, how many results. */
export interface SweptCounters {
  events: number
  processed: number
  dead: number
  discarded: number
}

/** Adds an event to what was removed. Counters are of all that ever was: what is there, and this. */
export function countSwept(store: Store, partition: number, topic: string, ended: Partial<Ended>): void {
  const key = keys.swept(partition, topic)
  const stored = store.get(key)
  const swept: SweptCounters =
    stored === undefined ? { events: 0, processed: 0, dead: 0, discarded: 0 } : JSON.parse(stored)
  swept.events++
  if (ended.result !== undefined) swept[ended.result.status]++
  if (ended.discarded) swept.discarded++
  store.put(key, JSON.stringify(swept))
}

/** The counters of every topic, over all partitions. */
export function allCounters(store: Store, partitions: number): Record<string, TopicCounters> {
  const all = new Map<string, TopicCounters>()
  for (let partition = 0; partition < partitions; partition++)
    for (const { key, value } of store.range(under('counters', partition))) {
      const topic = lastPart(key)
      all.set(topic, sum(all.get(topic) ?? noCounters, countersIn(value)))
    }
  return Object.fromEntries(all)
}

const countersIn = (text: string | undefined): TopicCounters =>
  text === undefined ? noCounters : JSON.parse(text)

function sum(counters: TopicCounters, by: Partial<TopicCounters>): TopicCounters {
  const result = { ...counters }
  for (const [name, value] of Object.entries(by)) result[name as keyof TopicCounters] += value
  return result
}
