import { msOf, type Position, position, sequenceOf } from '../positions.js'
import { keys, lastPart, under } from './keys.js'
import type { Store } from './store.js'

/** Gives positions. They only grow within a partition, even when the machine's clock is set back. */
export class Clock {
  readonly #last: (Position | null)[]

  constructor(store: Store, partitions: number) {
    this.#last = Array.from({ length: partitions }, (_, partition) => lastOf(store, partition))
  }

  /** The last position given, if any. */
  last(partition: number): Position | null {
    return this.#last[partition] ?? null
  }

  next(partition: number): Position {
    const last = this.last(partition)
    const now = Date.now()
    const next =
      last === null || now > msOf(last) ? position(now, 0) : position(msOf(last), sequenceOf(last) + 1)
    this.#last[partition] = next
    return next
  }

  /** Remembers the last position where the end of a stream may go away: after a restart it must not be given again. */
  keep(store: Store, partition: number): void {
    const last = this.last(partition)
    if (last !== null) store.put(keys.clock(partition), last)
  }
}

function lastOf(store: Store, partition: number): Position | null {
  const ends = ['log', 'results'].flatMap((stream) => {
    const { start, end } = under(stream, partition)
    return [...store.keys({ start: end, end: start, reverse: true, limit: 1 })].map(lastPart)
  })
  return [...ends, store.get(keys.clock(partition)) ?? []].flat().sort().at(-1) ?? null
}
