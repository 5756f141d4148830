import { type Place, readCursor, writeCursor } from './cursor.js'
import type { Listed, Paging, Queries, Stored } from './engine.js'
import { Merge } from './merge.js'
import { type Plan, planOf } from './plan.js'

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

/** What listing needs of an engine: reads ranges side by side, and names the topics that have results. */
export interface Source {
  partitions: number
  scan(ranges: Range[]): Promise<Row[][]>
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
  if (query.follow === 'new' && query.cursor === undefined) await skip(source, plan, place)
  const merge = new Merge(source, plan, place, {
    expected: query.limit + 1,
    budget: plan.filtered ? MAX_ROWS : Number.POSITIVE_INFINITY,
  })

  const items: Stored[K][] = []
  const cursors: string[] = []
  let others = 0
  while (others < MAX_ROWS) {
    const found = await merge.next()
    if (found === null && merge.ended && query.follow === undefined) return { items, nextCursor: null }
    if (found === null) break
    const { stream, row } = found
    const wanted = row.value !== null && plan.streams[stream]?.matches(row)
    if (wanted && items.length === query.limit) break
    place.passed(stream, row.sort)
    if (wanted) items.push(plan.item(row.value))
    else others++
    if (wanted && query.follow !== undefined) cursors.push(writeCursor(plan, place))
  }
  return { items, nextCursor: writeCursor(plan, place), ...(query.follow !== undefined && { cursors }) }
}

/** Passes over all that every stream has by now. */
async function skip({ scan }: Source, { streams }: Plan<unknown>, place: Place): Promise<void> {
  const lanes = streams.flatMap((stream, i) => stream.terms.map((term) => ({ stream, term, i })))
  const found = await scan(
    lanes.map(({ stream: { partition, index }, term }) => ({
      ...{ partition, index, term, after: null, before: null },
      reverse: true,
      limit: 1,
    })),
  )
  for (const [n, { i }] of lanes.entries()) {
    const last = found[n]?.[0]?.sort
    if (last !== undefined && last > (place.after(i) ?? '')) place.passed(i, last)
  }
}
