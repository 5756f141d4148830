import { placementOf } from '../../domain/ids.js'
import type { Batch, Delivery, EngineStats, Past, Stored } from '../engine.js'
import type { Range, Row } from '../listing.js'
import { msOf, type Position, timeAt } from '../positions.js'
import { announcementIn, eventIn, pastIn, recordIn } from '../stored.js'
import type { Context } from './context.js'
import { allCounters } from './counters.js'
import { keys, lastPart, partsOf, under } from './keys.js'
import type { Store } from './store.js'
import { isSettledOrOpen, logAfter, watermarkOf } from './watermark.js'

type Reader = Pick<Context, 'store' | 'partitions'>

export const pastOf = (store: Store, partition: number, at: Position): Past =>
  pastIn(store.get(keys.history(partition, at)))

function deliveryAt(store: Store, partition: number, at: Position): Delivery[] {
  const json = store.get(keys.entry('log', partition, at))
  if (json === undefined) return []
  return [{ event: eventIn(at, json), position: at, ...pastOf(store, partition, at) }]
}

export function claim({ store }: Reader, partition: number, after: Position | null, limit: number): Batch {
  let position = after ?? watermarkOf(store, partition)
  const fresh: Delivery[] = []
  let read = 0
  for (const at of logAfter(store, partition, position)) {
    if (++read > limit) break
    position = at
    if (!isSettledOrOpen(store, partition, at)) fresh.push(...deliveryAt(store, partition, at))
  }

  const now = Date.now()
  const due: Delivery[] = []
  let nextDueInMs: number | null = null
  for (const key of store.keys({ ...under('due', partition), limit: limit + 1 })) {
    const [, , dueAt = '', at = ''] = partsOf(key)
    if (msOf(dueAt) > now || due.length === limit) {
      nextDueInMs = Math.max(0, msOf(dueAt) - now)
      break
    }
    due.push(...deliveryAt(store, partition, at))
  }
  return { fresh, due, position, nextDueInMs }
}

export function get<K extends keyof Stored>(reader: Reader, kind: K, id: string): Stored[K] | null {
  const readers: { [P in keyof Stored]: () => Stored[P] | null } = {
    keys: () => recordIn(reader.store.get(keys.record('keys', id))),
    profiles: () => recordIn(reader.store.get(keys.record('profiles', id))),
    events: () => eventOf(reader, id),
    results: () => resultOf(reader, id),
  }
  return readers[kind]()
}

function eventOf({ store, partitions }: Reader, id: string): Stored['events'] | null {
  const partition = placementOf(id) % partitions
  const at = store.get(keys.event(id))
  if (at !== undefined) return entryAt(store, 'log', partition, at)
  const announced = store.get(keys.announcement(id))
  return announced === undefined ? null : entryAt(store, 'results', partition, announced)
}

function resultOf({ store, partitions }: Reader, id: string): Stored['results'] | null {
  const partition = placementOf(id) % partitions
  const at = store.get(keys.event(id))
  const done = at === undefined ? undefined : store.get(keys.done(partition, at))
  const json = done === undefined ? undefined : store.get(keys.entry('results', partition, done))
  return done === undefined || json === undefined ? null : announcementIn(done, JSON.parse(json)).data
}

function entryAt(store: Store, stream: 'log' | 'results', partition: number, at: Position) {
  const json = store.get(keys.entry(stream, partition, at))
  if (json === undefined) return null
  return stream === 'log' ? eventIn(at, json) : announcementIn(at, JSON.parse(json))
}

/** The rows of one range, for a list. */
export function scan({ store }: Reader, range: Range): Row[] {
  const { partition, index, term, after, before, reverse, limit } = range
  const path = term === null ? [index, partition] : ['index', index, partition, term]
  const whole = under(...path)
  const at = (sort: string) => Buffer.concat([whole.start, Buffer.from(sort)])
  const low = after === null ? whole.start : at(after)
  const high = before === null ? whole.end : at(before)
  if (Buffer.compare(low, high) >= 0) return []
  const [start, end] = reverse ? [high, low] : [low, high]
  return [...store.keys({ start, end, reverse, limit, exclusiveStart: true })].map((key) => {
    const sort = lastPart(key)
    return { sort, value: rowAt(store, index, partition, sort) }
  })
}

function rowAt(store: Store, index: Range['index'], partition: number, sort: string): unknown {
  if (index === 'log' || index === 'results') return entryAt(store, index, partition, sort)
  // A sort key of a record is its id, or something else, a space and its id.
  return recordIn(store.get(keys.record(index, sort.slice(sort.lastIndexOf(' ') + 1))))
}

export function stats({ store, partitions }: Reader): EngineStats {
  const oldest = Array.from({ length: partitions }, (_, partition) => oldestUnfinished(store, partition))
    .flat()
    .sort()[0]
  return {
    topics: allCounters(store, partitions),
    oldestUnfinishedAt: oldest === undefined ? null : timeAt(oldest),
  }
}

/** The first of the open set, and the first after the watermark. */
function oldestUnfinished(store: Store, partition: number): Position[] {
  const open = [...store.keys({ ...under('open', partition), limit: 1 })].map(lastPart)
  for (const at of logAfter(store, partition, watermarkOf(store, partition)))
    if (!isSettledOrOpen(store, partition, at)) return [...open, at]
  return open
}
