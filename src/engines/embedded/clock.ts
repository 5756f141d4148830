import { msOf, type Position, position, sequenceOf } from '../positions.js'
import { lastPart, under } from './keys.js'
import type { Store } from './store.js'

/** Gives positions. They only grow within a partition, even when the machine's clock is set back. */
export class Clock {
  readonly #last: (Position | null)[]

  constructor(store: Store, partitions: number) {
    this.#last = Array.from({ length: partitions }, (_, partition) => lastOf(store, partition))
  }

  next(partition: number): Position {
    const last = this.#last[partition] ?? null
    const now = Date.now()
    const next =
      last === null || now > msOf(last) ? position(now, 0) : position(msOf(last), sequenceOf(last) + 1)
    this.#last[partition] = next
    return next
  }
}

function lastOf(store: Store, partition: number): Position | null {
  const ends = ['log', 'results'].flatMap((stream) => {
    const { start, end } = under(stream, partition)
    return [...store.keys({ start: end, end: start, reverse: true, limit: 1 })].map(lastPart)
  })
  return ends.sort().at(-1) ?? null
}
