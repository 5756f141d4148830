import type { KeypostEvent } from '../../schemas/event.js'
import type { Result } from '../../schemas/result.js'
import { type Ended, RESULTS_TOPIC, type Readable, type Trace } from '../engine.js'
import type { Mark, Range, Row, Scanned, Source, StreamState } from '../listing.js'
import { type Position, START } from '../positions.js'
import { eventIn, pastIn, recordIn } from '../stored.js'
import { deliveredIn, eventOf, positionOf } from './encoding.js'
import { type PartitionKeys, partitionKeys } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const entryScript = script('entry')
const traceScript = script('trace')
const scanScript = script('scan')
const pageScript = script('page')

type Entry = [id: string, fields: string[]]
type MarkedEntry = [id: string, fields: string[], mark: Mark | null]
type Traced = [id: string, json: string, past: string | null, ended: MarkedEntry | null]

export async function get<K extends keyof Readable>(
  store: Store,
  partition: number,
  kind: K,
  id: string,
): Promise<Readable[K] | null> {
  const keys = partitionKeys(partition)
  const readers: { [P in keyof Readable]: () => Promise<Readable[P] | null> } = {
    keys: () => record(store, keys.keys, id),
    profiles: () => record(store, keys.profiles, id),
    events: () => entry(store, [keys.events, keys.log, keys.announcements, keys.results], id),
    results: async () => {
      const announcement = await entry(store, [keys.resultOf, keys.results], id)
      return announcement === null ? null : (announcement.data as Result)
    },
    traces: () => trace(store, keys, id),
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

async function trace(store: Store, k: PartitionKeys, id: string): Promise<Trace | null> {
  const found = (await store.run(
    traceScript,
    [k.events, k.log, k.resultOf, k.results, k.marks, k.history],
    [id],
  )) as Traced | null
  if (found === null) return null
  const [streamId, json, past, ended] = found
  const position = positionOf(streamId)
  return {
    event: eventIn(position, json),
    position,
    ...pastIn(past),
    ended: ended === null ? null : endedIn(ended),
  }
}

function endedIn([id, fields, mark]: MarkedEntry): Ended {
  const { id: announcement, data } = eventOf(positionOf(id), fields)
  return {
    result: data as Result,
    announcement,
    delivered: deliveredIn(fields),
    discarded: mark === 'discarded',
  }
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

const scan = (store: Store, range: Range): Promise<Scanned> =>
  range.term === null ? scanStream(store, range) : scanIndex(store, range, range.term)

async function scanStream(store: Store, { partition, index, ...range }: Range): Promise<Scanned> {
  const { log, results, marks } = partitionKeys(partition)
  const [entries, state] = (await store.run(pageScript, index === 'log' ? [log] : [results, marks], [
    range.after === null ? '-' : `(${range.after}`,
    range.before === null ? '+' : streamEnd(range.before),
    range.reverse ? 'REV' : '',
    range.limit,
    ...placeArgs(range),
  ])) as [MarkedEntry[], State | null]
  const rows = entries.map(([id, fields, mark]) => rowOf(positionOf(id), fields, mark))
  return { rows, ...stateIn(state) }
}

/** Before the first position there is none: Redis refuses that as a bound, though no entry is ever there either. */
const streamEnd = (before: Position): string => (before === START ? START : `(${before}`)

async function scanIndex(store: Store, range: Range, term: string): Promise<Scanned> {
  const keys = partitionKeys(range.partition)
  const { index, of } = indexed(keys, range.index)
  const kind = range.index === 'log' || range.index === 'results' ? 'stream' : 'hash'
  const [found, state] = (await store.run(
    scanScript,
    range.index === 'results' ? [index, of, keys.marks] : [index, of],
    [
      kind,
      range.after === null ? `[${term}\0` : `(${term}\0${range.after}`,
      range.before === null ? `(${term}\u0001` : `(${term}\0${range.before}`,
      range.reverse ? 'REV' : '',
      range.limit,
      Buffer.byteLength(term),
      ...placeArgs(range),
    ],
  )) as [[sort: string, value: string | string[] | null, mark: Mark | null][], State | null]
  const rows = found.map(([sort, value, mark]) =>
    typeof value === 'object' ? rowOf(sort, value, mark) : { sort, value: recordIn(value) },
  )
  return { rows, ...stateIn(state) }
}

/** As lua/include/state.lua takes and answers them. */
const placeArgs = ({ place }: Pick<Range, 'place'>) => (place === undefined ? [] : [place ?? ''])
type State = [end: Position, swept: Position | null, sweptCount: number, hasPlace: 0 | 1]

function stateIn(state: State | null): { state?: StreamState } {
  if (state === null) return {}
  const [end, swept, sweptCount, hasPlace] = state
  return { state: { end, swept, sweptCount, hasPlace: hasPlace === 1 } }
}

/** A row of a stream; `fields` null: its entry is gone. */
const rowOf = (sort: string, fields: string[] | null, mark: Mark | null): Row => ({
  sort,
  value: fields === null ? null : eventOf(sort, fields),
  ...(mark === null ? {} : { mark }),
})

const indexed = (keys: PartitionKeys, index: Range['index']): { index: string; of: string } =>
  ({
    log: { index: keys.logIndex, of: keys.log },
    results: { index: keys.resultIndex, of: keys.results },
    keys: { index: keys.keyIndex, of: keys.keys },
    profiles: { index: keys.profileIndex, of: keys.profiles },
  })[index]
