import type { News } from '../engine.js'
import type { Batcher } from './batcher.js'
import type { Clock } from './clock.js'
import type { Leases } from './leases.js'
import type { Store } from './store.js'

/** What the engine's methods work on. */
export interface Context {
  store: Store
  partitions: number
  batcher: Batcher
  clock: Clock
  leases: Leases
  /** Says that something was published in a partition. */
  wake(partition: number, what: News): void
}
