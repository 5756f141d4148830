import { placementOf } from '../../domain/ids.js'
import type { KeypostEvent } from '../../schemas/event.js'
import type { Batch, Delivery, EngineStats, Past, Readable, Stored, Trace } from '../engine.js'
import type { Range, Row, Scanned, StreamState } from '../listing.js'
import { msOf, type Position, START, timeAt } from '../positions.js'
import { eventIn, pastIn, recordIn } from '../stored.js'
import type { Context } from './context.js'
import { allCounters } from './counters.js'
import { keys, lastPart, partsOf, under } from './keys.js'
import { sweptOf } from './remove.js'
import { endOf, resultAt } from './results.js'
import type { Store } from './store.js'
import { isSettledOrOpen, logAfter, watermarkOf } from './watermark.js'

type Reader = Pick<Context, 'store' | 'partitions'>

export const pastOf = (store: Store, partition: number, at: Position): Past =>
  pastIn(store.get(keys.history(partition, at)))

function eventAt(store: Store, partition: number, at: Position): KeypostEvent | null {
  const json = store.get(keys.entry('log', partition, at))
  return json === undefined ? null : eventIn(at, json)
}

/** One, or none where there is no event. */
function deliveryAt(store: Store, partition: number, at: Position): Delivery[] {
  const event = eventAt(store, partition, at)
  return event === null ? [] : [{ event, position: at, ...pastOf(store, partition, at) }]
}

export function claim(
  { store, clock }: Pick<Context, 'store' | 'clock'>,
  partition: number,
  after: Position | null,
  limit: number,
  putOffMs = Number.POSITIVE_INFINITY,
): Batch {
  const watermark = watermarkOf(store, partition)
  const reset = after !== null && after > (clock.last(partition) ?? START)
  let position = reset ? watermark : (after ?? watermark)
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
  // Put off by a clock that has been set back since: due as well.
  const { start, end } = under('due', partition)
  for (const key of store.keys({ start: end, end: start, reverse: true, limit: limit - due.length })) {
    const [, , dueAt = '', at = ''] = partsOf(key)
    if (msOf(dueAt) <= now + putOffMs) break
    due.push(...deliveryAt(store, partition, at))
  }
  return { fresh, due, position, watermark, reset, nextDueInMs }
}

export function get<K extends keyof Readable>(reader: Reader, kind: K, id: string): Readable[K] | null {
  const readers: { [P in keyof Readable]: () => Readable[P] | null } = {
    keys: () => recordIn(reader.store.get(keys.record('keys', id))),
    profiles: () => recordIn(reader.store.get(keys.record('profiles', id))),
    events: () => eventOf(reader, id),
    results: () => resultOf(reader, id),
    traces: () => traceOf(reader, id),
  }
  return readers[kind]()
}

function eventOf({ store, partitions }: Reader, id: string): Stored['events'] | null {
  const partition = placementOf(id) % partitions
  const at = store.get(keys.event(id))
  if (at !== undefined) return eventAt(store, partition, at)
  const announced = store.get(keys.announcement(id))
  return announced === undefined ? null : (resultAt(store, partition, announced)?.announcement ?? null)
}

function resultOf({ store, partitions }: Reader, id: string): Stored['results'] | null {
  const partition = placementOf(id) % partitions
  const at = store.get(keys.event(id))
  return at === undefined ? null : (endOf(store, partition, at)?.result ?? null)
}

function traceOf({ store, partitions }: Reader, id: string): Trace | null {
  const partition = placementOf(id) % partitions
  const at = store.get(keys.event(id))
  const [delivery] = at === undefined ? [] : deliveryAt(store, partition, at)
  return delivery === undefined ? null : { ...delivery, ended: endOf(store, partition, delivery.position) }
}

/** The rows of one range, for a list. */
export function scan({ store }: Reader, range: Range): Scanned {
  const { partition, index, term, after, before, reverse, limit, place } = range
  const path = term === null ? [index, partition] : ['index', index, partition, term]
  const whole = under(...path)
  const at = (sort: string) => Buffer.concat([whole.start, Buffer.from(sort)])
  const low = after === null ? whole.start : at(after)
  const high = before === null ? whole.end : at(before)
  const [start, end] = reverse ? [high, low] : [low, high]
  const isEmpty = Buffer.compare(low, high) >= 0
  const found = isEmpty ? [] : [...store.keys({ start, end, reverse, limit, exclusiveStart: true })]
  const rows = found.map((key) => rowAt(store, index, partition, lastPart(key)))
  const isFollowed = place !== undefined && (index === 'log' || index === 'results')
  return isFollowed ? { rows, state: stateOf(store, index, partition, place) } : { rows }
}

function stateOf(
  store: Store,
  stream: 'log' | 'results',
  partition: number,
  place: Position | null,
): StreamState {
  const { start, end } = under(stream, partition)
  const last = [...store.keys({ start: end, end: start, reverse: true, limit: 1 })].map(lastPart)
  const swept = sweptOf(store, stream, partition)
  return {
    ...swept,
    end: [...last, swept.swept ?? START].sort().at(-1) ?? START,
    hasPlace: place !== null && store.has(keys.entry(stream, partition, place)),
  }
}

function rowAt(store: Store, index: Range['index'], partition: number, sort: string): Row {
  if (index === 'log') return { sort, value: eventAt(store, partition, sort) }
  if (index === 'results') {
    const found = resultAt(store, partition, sort)
    return found === null ? { sort, value: null } : { sort, value: found.announcement, mark: found.mark }
  }
  // A sort key of a record is its id, or something else, a space and its id.
  return { sort, value: recordIn(store.get(keys.record(index, sort.slice(sort.lastIndexOf(' ') + 1)))) }
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
