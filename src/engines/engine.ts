import type { Change, Claim, Records } from '../domain/change.js'
import { topics } from '../domain/topics.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { Result } from '../schemas/result.js'
import type { Batch, Reopening, Retention, Settled, Settlement, Swept, Trace } from './deliveries.js'
import type { Position } from './positions.js'
import type { Listed, Paging, Queries } from './queries.js'

export type { Change, Claim, NewEvent, RecordKind, RecordWrite } from '../domain/change.js'
export type { Failed, HistoryEntry, Reopened } from '../domain/history.js'
export type * from './deliveries.js'
export type * from './queries.js'

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

  /**
   * Calls back with a partition soon after something was published in it, by whatever process: `events` that are to be
   * handled, or `results`, which announce how some ended.
   */
  watch(wake: (partition: number, what: News) => void): () => void

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

/** What was published. */
export type News = 'events' | 'results'

export interface Stored extends Records {
  events: KeypostEvent
  results: Result
}

/** What can be read by its id. */
export interface Readable extends Stored {
  traces: Trace
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
