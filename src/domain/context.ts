import type { Change } from './change.js'
import type { Placement, Role } from './ids.js'

/** One intent to change something, however often it is carried out. */
export interface Operation {
  /** Of newId: the ids of what it creates are derived from it. */
  id: string
  /** How long it is recognised when it is carried out again, in milliseconds. */
  ttlMs: number
  /** The pepper that it is carried out under each time; absent: the one that writes now. */
  pepper?: string | undefined
}

export type Peppers = [string, ...string[]]

/** What a decision may know beside its input: nothing else of the world reaches the domain. */
export interface Context {
  /** Key the fingerprints: the first writes, all match. They never leave the process. */
  peppers: Peppers
  /** See ids.ts. */
  placementKey: string
  /** The `source` of every event (CloudEvents 1.0 §3.1.2). */
  source: string
  now: Date
  /** The id of what is created; the same for the same operation (see ids.ts). */
  newId: (role: Role, placement: Placement) => string
}

/** What was decided: the record as it will be, and the change that makes it so (null: nothing to do). */
export interface Decision<T> {
  record: T
  change: Change | null
}
