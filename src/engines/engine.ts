import type { Change, Claim, Records } from '../domain/change.js'
import { topics } from '../domain/topics.js'
import type { Page } from '../schemas/common.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { KeyStatus } from '../schemas/key.js'
import type { HandlerError, Result, ResultStatus } from '../schemas/result.js'
import type { Position } from './positions.js'

export type { Change, Claim, NewEvent, RecordKind, RecordWrite } from '../domain/change.js'

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
   */
  claim(partition: number, after: Position | null, limit: number): Promise<Batch>

  /**
   * Ends deliveries: results, record updates, follow-up events, counters, open set and watermark change in
   * one atomic step, durable when it resolves. Each settlement answers for itself, in order given.
   * @throws LeaseLost when `token` is not that of the partition's lease; nothing is written then.
   */
  settle(partition: number, token: string, settlements: Settlement[]): Promise<Settled[]>

  /** One record, event (also of `processing_results`), or the result of the event with this id. */
  get<K extends keyof Stored>(kind: K, id: string): Promise<Stored[K] | null>

  /**
   * A page of a list, from an index. Keys and profiles: newest first (with `expiresBefore`: soonest first).
   * Events by `time`, results by `finishedAt`, newest first unless `order` is `asc`.
   * @throws BadCursor
   */
  list<K extends keyof Stored>(kind: K, query: Queries[K] & Paging): Promise<Page<Stored[K]>>

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
  /** Milliseconds until the open set's next event is due, by the engine's clock; null: none waits. */
  nextDueInMs: number | null
}

export interface Delivery {
  event: KeypostEvent
  position: Position
  /** The attempts that failed before this one. */
  failures: Failure[]
}

export interface Failure {
  /** RFC 3339 */
  at: string
  processor: string
  error: HandlerError
}

/** How a delivery ends. `failures` are those of the delivery, and for `retry` and `dead` the new one after them. */
export type Settlement = {
  delivery: Delivery
  failures: Failure[]
} & ({ how: 'retry'; delayMs: number } | { how: 'done'; result: NewResult; change?: SettlementChange })

/** What a settlement writes beside the result; in the event's partition. */
export type SettlementChange = Pick<Change, 'claims' | 'writes' | 'events'>

/** A result as it is settled; the engine gives it `finishedAt` and `latencyMs`. */
export interface NewResult {
  /** The id and source of the `event.processed` or `event.dead` that announces it. */
  announcement: { id: string; source: string }
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
  results: EventQuery & { status?: ResultStatus | undefined }
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
