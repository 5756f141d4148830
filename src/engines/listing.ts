import type { Page } from '../schemas/common.js'
import type { Paging, Queries, Stored } from './engine.js'

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
