import type { KeypostEvent } from '../../schemas/event.js'
import type { Result } from '../../schemas/result.js'
import { RESULTS_TOPIC, type Stored } from '../engine.js'
import type { Range, Row, Source } from '../listing.js'
import { recordIn } from '../stored.js'
import { eventOf, positionOf } from './encoding.js'
import { type PartitionKeys, partitionKeys } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const entryScript = script('entry')
const scanScript = script('scan')

type Entry = [id: string, fields: string[]]

export async function get<K extends keyof Stored>(
  store: Store,
  partition: number,
  kind: K,
  id: string,
): Promise<Stored[K] | null> {
  const keys = partitionKeys(partition)
  const readers: { [P in keyof Stored]: () => Promise<Stored[P] | null> } = {
    keys: () => record(store, keys.keys, id),
    profiles: () => record(store, keys.profiles, id),
    events: () => entry(store, [keys.events, keys.log, keys.announcements, keys.results], id),
    results: async () => {
      const announcement = await entry(store, [keys.resultOf, keys.results], id)
      return announcement === null ? null : (announcement.data as Result)
    },
  }
  return readers[kind]()
}

async function record<T>(store: Store, key: string, id: string): Promise<T | null> {
  const value = await store.call((redis) => redis.hget(key, id))
  return recordIn<T>(value ?? undefined)
}

async function entry(store: Store, keys: string[], id: string): Promise<KeypostEvent | null> {
  const found = (await store.run(entryScript, keys, [id])) as Entry | null
  return found === null ? null : eventOf(positionOf(found[0]), found[1])
}

/** What engines/listing.ts reads from. */
export const source = (store: Store, partitions: number): Source => ({
  partitions,
  scan: (ranges) => Promise.all(ranges.map((range) => scan(store, range))),
  topics: async () => {
    const fields = await Promise.all(
      Array.from({ length: partitions }, (_, partition) =>
        store.call((redis) => redis.hkeys(partitionKeys(partition).counters)),
      ),
    )
    const topics = new Set(fields.flat().map((field) => field.slice(0, field.indexOf(' '))))
    topics.delete(RESULTS_TOPIC)
    return [...topics]
  },
})

const scan = (store: Store, range: Range): Promise<Row[]> =>
  range.term === null ? scanStream(store, range) : scanIndex(store, range, range.term)

async function scanStream(store: Store, { partition, index, ...range }: Range): Promise<Row[]> {
  const keys = partitionKeys(partition)
  const stream = index === 'log' ? keys.log : keys.results
  const first = range.after === null ? '-' : `(${range.after}`
  const last = range.before === null ? '+' : `(${range.before}`
  const entries = await store.call((redis) =>
    range.reverse
      ? redis.xrevrange(stream, last, first, 'COUNT', range.limit)
      : redis.xrange(stream, first, last, 'COUNT', range.limit),
  )
  return entries.map(([id, fields]) => {
    const sort = positionOf(id)
    return { sort, value: eventOf(sort, fields) }
  })
}

async function scanIndex(store: Store, range: Range, term: string): Promise<Row[]> {
  const { index, of } = indexed(partitionKeys(range.partition), range.index)
  const kind = range.index === 'log' || range.index === 'results' ? 'stream' : 'hash'
  const rows = (await store.run(
    scanScript,
    [index, of],
    [
      kind,
      range.after === null ? `[${term}\0` : `(${term}\0${range.after}`,
      range.before === null ? `(${term}\u0001` : `(${term}\0${range.before}`,
      range.reverse ? 'REV' : '',
      range.limit,
      Buffer.byteLength(term),
    ],
  )) as [sort: string, value: string | string[]][]
  return rows.map(([sort, value]) => ({
    sort,
    value: typeof value === 'string' ? recordIn(value) : eventOf(sort, value),
  }))
}

const indexed = (keys: PartitionKeys, index: Range['index']): { index: string; of: string } =>
  ({
    log: { index: keys.logIndex, of: keys.log },
    results: { index: keys.resultIndex, of: keys.results },
    keys: { index: keys.keyIndex, of: keys.keys },
    profiles: { index: keys.profileIndex, of: keys.profiles },
  })[index]
