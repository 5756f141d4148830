import type { Position } from '../positions.js'
import { keys } from './keys.js'
import type { Store } from './store.js'

/** Puts an event that is not in it into the open set. */
export function open(store: Store, partition: number, at: Position, delayMs: number): void {
  const due = Date.now() + delayMs
  store.put(keys.open(partition, at), String(due))
  store.put(keys.due(partition, due, at), '')
}

/** Takes an event out of the open set, if it is in it. */
export function close(store: Store, partition: number, at: Position): void {
  const due = store.get(keys.open(partition, at))
  if (due === undefined) return
  store.remove(keys.open(partition, at))
  store.remove(keys.due(partition, Number(due), at))
}
