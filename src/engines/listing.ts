import { type Place, readCursor, writeCursor } from './cursor.js'
import type { Listed, Paging, Queries, Stored } from './engine.js'
import { follow } from './following.js'
import { Merge } from './merge.js'
import { type Plan, planOf } from './plan.js'
import type { Position } from './positions.js'
import { VectorPlace } from './vector.js'

/** One range of one index of one partition. Bounds are exclusive sort keys; null: open. */
export interface Range {
  partition: number
  index: 'log' | 'results' | 'keys' | 'profiles'
  /** null: the log or the results themselves, in order of position. */
  term: string | null
  after: string | null
  before: string | null
  reverse: boolean
  limit: number
  /** Of a reader that follows the log or the results: how far it has read; null: it begins. */
  place?: Position | null
}

/** What became of a result: replaced by a later one of its event, or a dead letter that was discarded. */
export type Mark = 'superseded' | 'discarded'

export interface Row<T = unknown> {
  sort: string
  /**
   * An event for `log` and `results` (there, the announcement whose data is the result), else a record; null:
   * it is gone, though the index still has it.
   */
  value: T
  /** Of `results` alone. */
  mark?: Mark
}

/** What was found of one range. */
export interface Scanned {
  rows: Row[]
  /** For a reader that follows. */
  state?: StreamState
}

/** How the log or the results of a partition were at the very moment when the rows were read. */
export interface StreamState {
  /** The last position there ever was. */
  end: Position
  /** The last position whose entry was taken away; null: none was. */
  swept: Position | null
  /** How many were. */
  sweptCount: number
  /** The entry at the reader's place is there. */
  hasPlace: boolean
}

/** What listing needs of an engine: reads ranges side by side, and names the topics that have results. */
export interface Source {
  partitions: number
  scan(ranges: Range[]): Promise<Scanned[]>
  topics(): Promise<string[]>
}

/**
 * A page passes over at most this many rows that are not part of its list, and with a filter that no index
 * serves reads at most this many. It may then be short.
 */
const MAX_ROWS = 1000

/**
 * A page of any list of any engine: plans which ranges to read, merges them in order, leaves out what the
 * ranges hold beside what is asked for, and says where to go on.
 * @throws BadCursor
 */
export async function list<K extends keyof Stored>(
  source: Source,
  kind: K,
  query: Queries[K] & Paging,
): Promise<Listed<Stored[K]>> {
  const plan = await planOf(source, kind, query)
  const place = readCursor(plan, query.cursor)
  if (query.follow !== undefined) {
    if (!(place instanceof VectorPlace)) throw new TypeError('only an ascending list by time can be followed')
    return follow(source, plan, place, query)
  }
  const merge = new Merge(source, plan, place, budgetOf(plan, query.limit))
  const { items, ended } = await walk(merge, plan, place, query.limit)
  return { items, nextCursor: ended ? null : writeCursor(plan, place) }
}

export const budgetOf = (plan: Plan<unknown>, limit: number) => ({
  expected: limit + 1,
  budget: plan.filtered ? MAX_ROWS : Number.POSITIVE_INFINITY,
})

/**
 * The items of a page, how many rows were passed for them, and whether there are no more. `place` is after an item
 * when `onItem` is called.
 */
export async function walk<T>(
  merge: Merge,
  plan: Plan<T>,
  place: Place,
  limit: number,
  onItem = (): void => {},
): Promise<{ items: T[]; rows: number; ended: boolean }> {
  const items: T[] = []
  let others = 0
  while (others < MAX_ROWS) {
    const found = await merge.next()
    if (found === null) return { items, rows: items.length + others, ended: merge.ended }
    const { stream, row } = found
    const wanted = row.value !== null && plan.streams[stream]?.matches(row)
    if (wanted && items.length === limit) break
    place.passed(stream, row.sort)
    if (wanted) {
      items.push(plan.item(row.value))
      onItem()
    } else others++
  }
  return { items, rows: items.length + others, ended: false }
}
