import type { Change, Claim, Records } from '../domain/change.js'
import type { HistoryEntry, Reopened } from '../domain/history.js'
import { topics } from '../domain/topics.js'
import type { Page } from '../schemas/common.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { KeyStatus } from '../schemas/key.js'
import type { Result, ResultStatus } from '../schemas/result.js'
import type { Position } from './positions.js'

export type { Change, Claim, NewEvent, RecordKind, RecordWrite } from '../domain/change.js'
export type { Failed, HistoryEntry, Reopened } from '../domain/history.js'

/**
 * The port between Keypost and where its records, events and results live. Two engines implement it
 * (embedded/, redis/) and one suite (test/engines/contract.ts) says what they promise.
 *
 * Data is split into partitions. A partition's state is its log (events in publish order), its watermark
 * (every event up to it is settled or in the open set), its open set (unfinished events below the watermark,
 * each with its due time), its lease, and its records, claims, results and counters. `claim` only reads; all
 * that changes about events is in two atomic steps, `commit` and `settle`.
 *
 * Every method may throw `Unavailable`: the infrastructure failed, and whether a write happened is then
 * unknown; sending the same operation again is safe.
 */
export interface Engine {
  readonly name: 'embedded' | 'redis'
  readonly features: Features
  /** What was fixed at the first boot. Throws `Unavailable` until the data has been seen. */
  readonly layout: Layout

  /**
   * Writes the records and publishes the events of a change, all or nothing, in one partition, durable when
   * it resolves. The same operation again changes nothing and answers `replayed`.
   * @throws Conflict when an expectation of the change does not hold; nothing is written then.
   */
  commit(change: Change): Promise<Committed>

  /**
   * Compares and swaps one claim outside a change, and answers the value it found; the swap took place if
   * that equals `claim.from`. Reading is a swap from a value to itself.
   */
  swap(placement: number, claim: Claim): Promise<string | null>

  /**
   * Announces a processor (null: just looks), tries each swap of a lease, and answers what then is.
   * A swap takes place if the partition's lease is `from`, compared whole.
   */
  lease(me: Processor | null, swaps: LeaseSwap[]): Promise<Fleet>

  /**
   * Reads unfinished events: at most `limit` of the log after `after` (null: after the watermark), and at
   * most `limit` of the open set that are due. Events that are settled or open are not in `fresh`.
   * `putOffMs`: the longest that an event can have been put off; one that is due later than that from now was
   * put off by a clock that has been set back since, and counts as due.
   */
  claim(partition: number, after: Position | null, limit: number, putOffMs?: number): Promise<Batch>

  /**
   * Ends deliveries: results, record updates, follow-up events, counters, open set and watermark change in
   * one atomic step, durable when it resolves. Each settlement answers for itself, in order given.
   * @throws LeaseLost when `token` is not that of the partition's lease; nothing is written then.
   */
  settle(partition: number, token: string, settlements: Settlement[]): Promise<Settled[]>

  /**
   * Takes back how an event ended, in one atomic step: `redrive` a dead one and `replay` a processed one, so
   * that they are due at once; `discard` a dead one, so that it is no dead letter any more. The same operation
   * again changes nothing and answers `replayed`; `conflict`: the event is not as the trace says, by now.
   */
  reopen(reopening: Reopening): Promise<'reopened' | 'replayed' | 'conflict'>

  /**
   * Takes away what is older than it must be kept, at most `limit` events and `limit` results a call, oldest
   * first. It never takes an unfinished event, nor passes one. A dead event that is not discarded is kept as
   * long as its result.
   */
  sweep(partition: number, retention: Retention): Promise<Swept>

  /** One record, event (also of `processing_results`), or the result or the trace of the event with this id. */
  get<K extends keyof Readable>(kind: K, id: string): Promise<Readable[K] | null>

  /**
   * A page of a list, from an index. Keys and profiles: newest first (with `expiresBefore`: soonest first).
   * Events by `time`, results by `finishedAt`, newest first unless `order` is `asc`.
   * @throws BadCursor
   */
  list<K extends keyof Stored>(kind: K, query: Queries[K] & Paging): Promise<Listed<Stored[K]>>

  /** Calls back with a partition soon after something was published in it, by whatever process. */
  watch(wake: (partition: number) => void): () => void

  stats(): Promise<EngineStats>

  /** Ends what is in hand and frees files and connections. */
  close(): Promise<void>
}

/** What an engine cannot do, as data: the contract suite reads it. */
export interface Features {
  /** Several processes may use the same data at once. */
  shared: boolean
}

export interface Layout {
  partitions: number
  /** See domain/ids.ts. Made at the first boot and kept with the data. */
  placementKey: string
}

export interface Stored extends Records {
  events: KeypostEvent
  results: Result
}

/** What can be read by its id. */
export interface Readable extends Stored {
  traces: Trace
}

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

export interface Committed {
  replayed: boolean
  /** RFC 3339: the `time` of the change's events; for a replayed change, of the first answer if still known. */
  time: string | null
}

export interface Processor {
  id: string
  /** RFC 3339: when it last completed a poll. */
  lastPollAt: string | null
  /** `topic/type` of every handler it has. */
  handlers: string[]
  /** Raised with every announcement, so that others can tell that it lives by their own clocks; 0: it has left. */
  beat: number
}

export interface Lease {
  partition: number
  /** Unique per acquisition. */
  token: string
  processor: string
  beat: number
}

export interface LeaseSwap {
  partition: number
  from: Lease | null
  to: Lease | null
}

export interface Fleet {
  /** By partition; null: free. */
  leases: (Lease | null)[]
  processors: Processor[]
}

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

export interface Paging {
  /** 1 to 200 */
  limit: number
  cursor?: string | undefined
  /**
   * Of events and results, `order: 'asc'`: the reader goes on when more was published, so `nextCursor` is never
   * null. Without a cursor it begins with `all` that is there, or with what is `new` from now on.
   */
  follow?: 'all' | 'new' | undefined
}

export interface Listed<T> extends Page<T> {
  /** With `follow`: where to go on after each item. */
  cursors?: string[]
}

export interface Queries {
  keys: {
    status?: KeyStatus | undefined
    provider?: string | undefined
    profileId?: string | undefined
    fingerprint?: string | undefined
    expiresBefore?: string | undefined
  }
  /** `email` in lower case */
  profiles: { email?: string | undefined }
  events: EventQuery
  /** `discarded` false: without the dead ones that were discarded. */
  results: EventQuery & { status?: ResultStatus | undefined; discarded?: false | undefined }
}

/** `since` ≤ t < `until` */
export interface EventQuery {
  topic?: string | undefined
  type?: string | undefined
  subject?: string | undefined
  since?: string | undefined
  until?: string | undefined
  order?: 'asc' | 'desc' | undefined
}

/** `published = processed + dead + pending + retrying`, for each topic with results, at every moment. */
export interface TopicCounters {
  published: number
  processed: number
  dead: number
  pending: number
  retrying: number
  discarded: number
}

export interface EngineStats {
  topics: Record<string, TopicCounters>
  oldestUnfinishedAt: string | null
}

/** The topic on which results are announced. Its events have no results of their own. */
export const RESULTS_TOPIC = topics.results
