import type { Page } from '../schemas/common.js'
import { readCursor, writeCursor } from './cursor.js'
import type { Paging, Queries, Stored } from './engine.js'
import { Merge } from './merge.js'
import { planOf } from './plan.js'

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
}

export interface Row<T = unknown> {
  sort: string
  /** An event for `log` and `results` (there, the announcement whose data is the result), else a record. */
  value: T
}

/** What listing needs of an engine: reads ranges side by side, and names the topics that have results. */
export interface Source {
  partitions: number
  scan(ranges: Range[]): Promise<Row[][]>
  topics(): Promise<string[]>
}

/** With a filter that no index serves, a page reads at most this many rows, and may then be short. */
const MAX_FILTERED_ROWS = 1000

/**
 * A page of any list of any engine: plans which ranges to read, merges them in order, filters what the ranges
 * do not, and says where to go on.
 * @throws BadCursor
 */
export async function list<K extends keyof Stored>(
  source: Source,
  kind: K,
  query: Queries[K] & Paging,
): Promise<Page<Stored[K]>> {
  const plan = await planOf(source, kind, query)
  const place = readCursor(plan, query.cursor)
  const merge = new Merge(source, plan, place, {
    expected: query.limit + 1,
    budget: plan.filtered ? MAX_FILTERED_ROWS : Number.POSITIVE_INFINITY,
  })

  const items: Stored[K][] = []
  while (items.length < query.limit) {
    const found = await merge.next()
    if (found === null) break
    place.passed(found.stream, found.row.sort)
    if (plan.streams[found.stream]?.matches(found.row.value)) items.push(plan.item(found.row.value))
  }
  const atEnd = (await merge.next()) === null && merge.ended
  return { items, nextCursor: atEnd ? null : writeCursor(plan, place) }
}
