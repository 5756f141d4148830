import type { Position } from '../positions.js'
import { keys, lastPart, under } from './keys.js'
import type { Store } from './store.js'

/** At most this many entries a call, so that no settlement pays for a long backlog; the next call goes on. */
const MAX_STEPS = 1000

export const watermarkOf = (store: Store, partition: number): Position | null =>
  store.get(keys.watermark(partition)) ?? null

/** Positions of the log after `after` (null: all), in order. */
export function* logAfter(store: Store, partition: number, after: Position | null): Generator<Position> {
  const { start, end } = under('log', partition)
  const from =
    after === null ? { start } : { start: keys.entry('log', partition, after), exclusiveStart: true }
  for (const key of store.keys({ ...from, end })) yield lastPart(key)
}

/** Whether the log's event at `at` has a result or is in the open set. */
export const isSettledOrOpen = (store: Store, partition: number, at: Position): boolean =>
  store.has(keys.done(partition, at)) || store.has(keys.open(partition, at))

/**
 * The one function that moves a partition's watermark: over the entries of the log that have a result or are
 * in the open set, up to the first that is neither. An event that it passed by mistake would never be handled.
 */
export function advanceWatermark(store: Store, partition: number): void {
  const before = watermarkOf(store, partition)
  let after = before
  let steps = 0
  for (const at of logAfter(store, partition, before)) {
    if (!isSettledOrOpen(store, partition, at) || ++steps > MAX_STEPS) break
    after = at
  }
  if (after !== null && after !== before) store.put(keys.watermark(partition), after)
}
