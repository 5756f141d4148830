import type { KeypostEvent } from '../schemas/event.js'
import type { Key } from '../schemas/key.js'
import type { Profile } from '../schemas/profile.js'

export interface Records {
  keys: Key
  profiles: Profile
}
export type RecordKind = keyof Records

/** Record writes and their events: committed all or nothing, in one partition. */
export interface Change {
  /**
   * Unique to the intent, not to the attempt. It is a claim named `op:<operationId>` with the value `done`,
   * kept for two hours (or `operationTtlMs`): whoever swaps it from null to anything else has made the change
   * impossible (Conflict `aborted`). A change whose first write creates a record is recognised by that
   * record's id instead, which also a deleted record keeps taken.
   */
  operationId: string
  operationTtlMs?: number
  /** Which partition all of it is in: that of the ids of its records and events. */
  placement: number
  claims?: Claim[]
  writes?: RecordWrite[]
  events?: NewEvent[]
}

/** How long an operation is remembered that says nothing else, in milliseconds: longer than any client retries. */
export const OPERATION_TTL_MS = 2 * 60 * 60 * 1000

/** A name that stands for one value at a time: expected to be `from` (null: free), becomes `to`. */
export interface Claim {
  name: string
  from: string | null
  to: string | null
  /** Forgotten after this time, in milliseconds; without it, kept. */
  ttlMs?: number
}

/** `before` null creates, `after` null deletes; else `before.version` must still be the current one. */
export type RecordWrite = {
  [K in RecordKind]: { kind: K; before: Records[K] | null; after: Records[K] | null }
}[RecordKind]

/** An event as it is published; the engine gives it its `time`, which is its position's. */
export type NewEvent = Omit<KeypostEvent, 'time'>
