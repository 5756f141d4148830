import type { Place } from './cursor.js'
import type { Range, Row, Source, StreamState } from './listing.js'
import type { Plan } from './plan.js'
import { type Position, START } from './positions.js'

/** One range on its way into the merge: what has been read of it and not handed out yet. */
interface Lane {
  stream: number
  /** Its bound moves on with what is read, and its limit grows. */
  range: Range
  rows: Row[]
  ended: boolean
  /** Of its stream, when it was read last. */
  state: StreamState | null
  /** Others are of the same stream. */
  isShared: boolean
}

/** Rows read of one range at a time at most: more would often be read for nothing. */
const MAX_CHUNK = 100

/** Reads the ranges of a plan side by side and hands out their rows in the plan's order. */
export class Merge {
  readonly #lanes: Lane[]
  #budget: number
  #stopped = false

  /**
   * `expected`: about how many rows will be asked for; `budget`: how many may be read. `isWhole`, for a reader that
   * follows: whether nothing of a stream was missed; from where something was, no more rows are handed out.
   */
  constructor(
    private readonly source: Source,
    private readonly plan: Plan<unknown>,
    private readonly place: Place,
    { expected, budget }: { expected: number; budget: number },
    private readonly isWhole: ((stream: number, state: StreamState) => boolean) | null = null,
  ) {
    this.#lanes = plan.streams.flatMap(({ partition, index, terms }, stream) => {
      const after = latest(plan.after, place.after(stream))
      const before = earliest(plan.before, place.before(stream))
      const range = { partition, index, after, before, reverse: plan.reverse, limit: 1 }
      const isShared = terms.length > 1
      const unread = { rows: [], ended: false, state: null }
      return terms.map((term) => ({ stream, range: { ...range, term }, isShared, ...unread }))
    })
    for (const { range } of this.#lanes) range.limit = Math.ceil(expected / this.#lanes.length) + 1
    this.#budget = budget
  }

  /** Whether every row has been handed out. */
  get ended(): boolean {
    return !this.#stopped && this.#lanes.every(({ rows, ended }) => ended && rows.length === 0)
  }

  /** Up to where all of a stream that has ended has been read. */
  endOf(stream: number): Position {
    const ends = this.#lanes.flatMap((lane) =>
      lane.stream === stream && lane.state !== null ? lane.state.end : [],
    )
    return ends.sort()[0] ?? START
  }

  /** The next row, or null at the end or when the budget is spent. */
  async next(): Promise<{ stream: number; row: Row } | null> {
    for (;;) {
      const empty = this.#lanes.filter(({ rows, ended }) => rows.length === 0 && !ended)
      if (empty.length > 0) {
        if (this.#budget <= 0) return null
        await this.#fill(empty)
        if (this.#stopped) return null
      }
      const first = this.#first()
      const [row] = first?.rows ?? []
      if (first === null || row === undefined) return null
      const behind = this.#behind(first, row)
      if (behind.length === 0) {
        first.rows.shift()
        return { stream: first.stream, row }
      }
      for (const lane of behind) lane.ended = false
    }
  }

  /** The lane whose row comes first. */
  #first(): Lane | null {
    let first: { lane: Lane; rank: string } | null = null
    for (const lane of this.#lanes) {
      const row = lane.rows[0]
      if (row === undefined) continue
      const rank = this.#rank(lane.stream, row)
      if (first === null || (this.plan.reverse ? rank > first.rank : rank < first.rank))
        first = { lane, rank }
    }
    return first?.lane ?? null
  }

  /**
   * Oldest first, a place says that all lanes of a stream have been read up to there. They are not read at one moment, so
   * one that ended may have got rows since that are older than a row which another has got.
   */
  #behind({ stream, isShared }: Lane, row: Row): Lane[] {
    if (!isShared) return []
    return this.#lanes.filter(
      (lane) =>
        lane.stream === stream && lane.rows.length === 0 && lane.state !== null && lane.state.end < row.sort,
    )
  }

  async #fill(lanes: Lane[]): Promise<void> {
    const share = Math.max(1, Math.floor(this.#budget / lanes.length))
    const ranges = lanes.map(({ stream, range, isShared }) => ({
      ...range,
      limit: Math.min(range.limit, share),
      ...((this.isWhole !== null || (isShared && !range.reverse)) && { place: this.place.after(stream) }),
    }))
    const found = await this.source.scan(ranges)
    for (const [i, lane] of lanes.entries()) {
      const { rows, state = null } = found[i] ?? { rows: [] }
      if (state !== null && this.isWhole?.(lane.stream, state) === false) this.#stopped = true
      lane.state = state
      lane.rows = rows
      lane.ended = lane.rows.length < (ranges[i]?.limit ?? 0)
      this.#budget -= lane.rows.length
      const last = lane.rows.at(-1)
      lane.range.limit = Math.min(lane.range.limit * 2, MAX_CHUNK)
      if (last !== undefined) lane.range[this.plan.reverse ? 'before' : 'after'] = last.sort
    }
  }

  /** By position: millisecond, then stream, then position (see cursor.ts on why). */
  #rank(stream: number, { sort }: Row): string {
    if (this.plan.by === 'sort') return sort
    return `${sort.slice(0, sort.indexOf('-'))} ${String(stream).padStart(6, '0')} ${sort}`
  }
}

const latest = (a: string | null, b: string | null) => (a === null || (b !== null && b > a) ? b : a)
const earliest = (a: string | null, b: string | null) => (a === null || (b !== null && b < a) ? b : a)
