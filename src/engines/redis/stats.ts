import { noCounters } from '../../domain/counters.js'
import type { EngineStats, TopicCounters } from '../engine.js'
import { type Position, timeAt } from '../positions.js'
import { partitionKeys } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const statsScript = script('stats')

type Reply = [counters: string[], oldest: Position | null]

export async function stats(store: Store, partitions: number): Promise<EngineStats> {
  const replies = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => {
      const { counters, openOrder, watermark, log, resultOf } = partitionKeys(partition)
      return store.run(statsScript, [counters, openOrder, watermark, log, resultOf], []) as Promise<Reply>
    }),
  )
  const topics = new Map<string, TopicCounters>()
  for (const [counters] of replies) add(topics, counters)
  const [oldest] = replies.flatMap(([, at]) => (at === null ? [] : [at])).sort()
  return {
    topics: Object.fromEntries(topics),
    oldestUnfinishedAt: oldest === undefined ? null : timeAt(oldest),
  }
}

/** `counters`: `<topic> <counter>` and its count, in turn. */
function add(topics: Map<string, TopicCounters>, counters: string[]): void {
  for (let i = 0; i < counters.length; i += 2) {
    const [topic = '', counter = ''] = (counters[i] ?? '').split(' ')
    const counted = topics.get(topic) ?? { ...noCounters }
    counted[counter as keyof TopicCounters] += Number(counters[i + 1])
    topics.set(topic, counted)
  }
}
