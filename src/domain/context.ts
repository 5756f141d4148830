import type { Change } from './change.js'

/** What a decision may know beside its input: nothing else of the world reaches the domain. */
export interface Context {
  /** Keys the fingerprints; never leaves the process. */
  pepper: string
  /** See ids.ts. */
  placementKey: string
  /** The `source` of every event (CloudEvents 1.0 §3.1.2). */
  source: string
  now: Date
}

/** What was decided: the record as it will be, and the change that makes it so (null: nothing to do). */
export interface Decision<T> {
  record: T
  change: Change | null
}
