import type { Change } from '../domain/change.js'
import type { HistoryEntry, Reopened } from '../domain/history.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { Result } from '../schemas/result.js'
import type { Position } from './positions.js'

/** What the bus and an engine hand each other about events: what is to be handled, how it ended, what was taken away. */

export interface Batch {
  fresh: Delivery[]
  due: Delivery[]
  /** Where to go on in the log: the position of the last entry read, whether or not it is in `fresh`. */
  position: Position | null
  /** Every event up to here is settled or in the open set. It only grows, unless data was lost. */
  watermark: Position | null
  /** `after` lies beyond the end of the log, so data was lost; the log was read from the watermark instead. */
  reset: boolean
  /** Milliseconds until the open set's next event is due, by the engine's clock; null: none waits. */
  nextDueInMs: number | null
}

export interface Delivery extends Past {
  event: KeypostEvent
  position: Position
}

/** What happened to an event before. */
export interface Past {
  /** Its latest entries. */
  history: HistoryEntry[]
  /** How many entries it ever had: whatever changes an event names the revision that it knows. */
  revision: number
}

/** How a delivery ends: `entry` is what its history gets in addition. */
export type Settlement = {
  delivery: Delivery
  entry: HistoryEntry | null
} & ({ how: 'retry'; delayMs: number } | { how: 'done'; result: NewResult; change?: SettlementChange })

/** What a settlement writes beside the result; in the event's partition. */
export type SettlementChange = Pick<Change, 'claims' | 'writes' | 'events'>

/** A result as it is settled; the engine gives it `finishedAt` and `latencyMs`. */
export interface NewResult {
  /** The id and source of the `event.processed` or `event.dead` that announces it. */
  announcement: { id: string; source: string }
  delivered: Delivered
  body: Omit<Result, 'finishedAt' | 'latencyMs'>
}

/**
 * `settled`: it is written. `already`: the event has a result, or its attempt was recorded before, and nothing
 * was changed. `conflict`: a record or claim is not as expected any more, and nothing was changed: handle the
 * event again.
 */
export type Settled = 'settled' | 'already' | 'conflict'

/** All that is known of an event that is still kept and has results. */
export interface Trace extends Past {
  event: KeypostEvent
  position: Position
  ended: Ended | null
}

/** How an event ended. */
export interface Ended {
  result: Result
  /** The id of the event that announced it. */
  announcement: string
  /** The delivery that was settled so: who did it, and when it began (RFC 3339). */
  delivered: Delivered
  /** It is dead and was discarded. */
  discarded: boolean
}

export interface Delivered {
  at: string
  processor: string
}

export interface Reopening {
  how: 'redrive' | 'replay' | 'discard'
  /** The event as it must still be: its revision and the announcement of its end are compared. */
  trace: Trace & { ended: Ended }
  /** What its history gets; null for `discard`. */
  entry: Reopened | null
  /** Remembered like that of a change, in the event's partition. */
  operationId: string
  operationTtlMs: number
}

export interface Retention {
  /** What was published before this position, or finished before it, may go. */
  eventsBefore: Position
  resultsBefore: Position
  limit: number
}

export interface Swept {
  events: number
  results: number
  /** There is more to take away. */
  more: boolean
  /**
   * Unfinished events whose entries somebody else has taken out of the log: they are only what is still known of
   * them (`data` is absent), for the caller to settle as dead.
   */
  lost: Delivery[]
  /**
   * There are more unfinished events than the open set and the log after the watermark hold: some lie before the
   * watermark, and are only found by a claim from the beginning of the log.
   */
  stray: boolean
}
