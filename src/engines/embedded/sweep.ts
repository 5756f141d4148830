import type { Retention, Swept } from '../engine.js'
import type { Position } from '../positions.js'
import type { Context } from './context.js'
import { keys, lastPart, under } from './keys.js'
import { removeEvent, removeResult } from './remove.js'
import { endOf, resultAt } from './results.js'
import type { Store } from './store.js'

type Stream = 'log' | 'results'

/** How far a round has come. */
interface Place {
  stream: Stream
  after: Position | null
}

interface Part {
  events: number
  results: number
  /** Where the round goes on; null: it is at its end. */
  place: Place | null
}

/**
 * Takes away what need not be kept. A round goes over the log and then, since a result goes after its event,
 * over the results, each from its beginning, and passes what is kept beyond its age (dead letters, results of
 * events that are there). A call is a part of a round and looks at `limit` entries at most. How far a round has
 * come is kept in memory: a new process begins another.
 */
export class Sweeper {
  readonly #places = new Map<number, Place>()

  constructor(private readonly context: Pick<Context, 'store' | 'batcher' | 'clock'>) {}

  async sweep(partition: number, retention: Retention): Promise<Swept> {
    const { store, batcher, clock } = this.context
    const { events, results, place } = await batcher.run(() => {
      const from = this.#places.get(partition) ?? { stream: 'log', after: null }
      const part = sweepPart(store, partition, from, retention)
      if (part.events + part.results > 0) clock.keep(store, partition)
      return part
    })
    if (place === null) this.#places.delete(partition)
    else this.#places.set(partition, place)
    // Only this process has the file: nothing can be lost or astray.
    return { events, results, more: place !== null, lost: [], stray: false }
  }
}

function sweepPart(store: Store, partition: number, from: Place, retention: Retention): Part {
  if (from.stream === 'results') return sweepResults(store, partition, from.after, retention)
  const { events, next } = sweepLog(store, partition, from.after, retention)
  if (next !== null) return { events, results: 0, place: { stream: 'log', after: next } }
  const rest = retention.limit - events
  if (rest === 0) return { events, results: 0, place: { stream: 'results', after: null } }
  const part = sweepResults(store, partition, null, { ...retention, limit: rest })
  return { ...part, events: events + part.events }
}

/** Goes up to the first unfinished event. */
function sweepLog(
  store: Store,
  partition: number,
  after: Position | null,
  { eventsBefore, limit }: Retention,
): { events: number; next: Position | null } {
  let events = 0
  const positions = positionsIn(store, partition, 'log', after, eventsBefore, limit)
  for (const at of positions) {
    const ended = endOf(store, partition, at)
    if (ended === null) return { events, next: null }
    if (ended.result.status === 'dead' && !ended.discarded) continue
    removeEvent(store, partition, at, ended)
    events++
  }
  return { events, next: next(positions, limit) }
}

/** A result goes that was replaced, or whose event is gone; one of a dead event that is old takes it along. */
function sweepResults(
  store: Store,
  partition: number,
  after: Position | null,
  { eventsBefore, resultsBefore, limit }: Retention,
): Part {
  let events = 0
  let results = 0
  const positions = positionsIn(store, partition, 'results', after, resultsBefore, limit)
  for (const at of positions) {
    const found = resultAt(store, partition, at)
    if (found === null) continue
    const { announcement, mark } = found
    const event = mark === 'superseded' ? null : inLog(store, partition, announcement.data.id)
    if (event !== null) {
      if (announcement.data.status !== 'dead' || event >= eventsBefore) continue
      removeEvent(store, partition, event, { result: announcement.data, discarded: mark === 'discarded' })
      events++
    }
    removeResult(store, partition, at, found)
    results++
  }
  const place = next(positions, limit)
  return { events, results, place: place === null ? null : { stream: 'results', after: place } }
}

/** Where an event is in the log; null: it was swept. */
function inLog(store: Store, partition: number, id: string): Position | null {
  const at = store.get(keys.event(id))
  return at !== undefined && store.has(keys.entry('log', partition, at)) ? at : null
}

/** At most `limit` positions of a stream between two others. */
function positionsIn(
  store: Store,
  partition: number,
  stream: Stream,
  after: Position | null,
  before: Position,
  limit: number,
): Position[] {
  const start = after === null ? under(stream, partition).start : keys.entry(stream, partition, after)
  const end = keys.entry(stream, partition, before)
  if (Buffer.compare(start, end) >= 0) return []
  return [...store.keys({ start, end, exclusiveStart: true, limit })].map(lastPart)
}

const next = (positions: Position[], limit: number): Position | null =>
  positions.length < limit ? null : (positions.at(-1) ?? null)
