import type { Place } from './cursor.js'
import { BadCursor } from './errors.js'
import type { StreamState } from './listing.js'
import { type Position, pack, START, unpack } from './positions.js'
import type { Missed } from './queries.js'

/**
 * Oldest first: one position a stream, since what is added late to one stream may be older than what has been
 * read of another, and a reader that follows the list must not miss it.
 *
 * Such a reader is told when it missed something. That is so if an entry after its position was taken away, which
 * the last position taken away tells; but of what is kept for longer than its neighbours, it may read where
 * others were taken away long ago. So there it carries how many had been taken away when it began: `known`.
 */
export class VectorPlace implements Place {
  private constructor(
    /** null: at the beginning of the stream. */
    private readonly positions: (Position | null)[],
    private readonly known: (number | null)[],
  ) {}

  /** The last positions taken away, as of the last look. */
  readonly #swept: Position[] = []

  static atBeginning(streams: number): VectorPlace {
    return new VectorPlace(Array(streams).fill(null), Array(streams).fill(null))
  }

  /** @throws BadCursor */
  static from(fields: string[], streams: number): VectorPlace {
    if (fields.length !== streams) throw new BadCursor('not one position a stream')
    const pairs = fields.map((field) => {
      const [at = '', known, ...more] = field.split('_')
      if (more.length > 0) throw new BadCursor('not a position and what is known there')
      return [at === '' ? null : unpack(at), known === undefined ? null : countIn(known)] as const
    })
    return new VectorPlace(
      pairs.map(([at]) => at),
      pairs.map(([, known]) => known),
    )
  }

  after(stream: number): Position | null {
    return this.positions[stream] ?? null
  }

  before(): null {
    return null
  }

  passed(stream: number, at: Position): void {
    this.positions[stream] = at
  }

  /** There is nothing more of this stream up to `end`. */
  reached(stream: number, end: Position): void {
    if (end > (this.after(stream) ?? '')) this.passed(stream, end)
  }

  /** What a reader that comes back has missed of a stream; null: nothing. One that begins has missed nothing. */
  missed(stream: number, { swept, sweptCount, hasPlace }: StreamState): Missed | null {
    const at = this.after(stream)
    if (at === null) this.known[stream] ??= sweptCount
    this.#swept[stream] = swept ?? START
    if (swept !== null && swept > (at ?? '')) return this.known[stream] === sweptCount ? null : 'swept'
    // Whatever was read and not taken away is still there, if this is the data that it was read of.
    const isOfThisData = at === null || at === START || at === swept || hasPlace
    return isOfThisData ? null : 'lost'
  }

  /** Goes on after something was missed, with what is kept. */
  goOn(stream: number, { sweptCount }: StreamState, missed: Missed): void {
    if (missed === 'lost') this.positions[stream] = null
    this.known[stream] = sweptCount
  }

  fields(): string[] {
    return this.positions.map((at, stream) => {
      const known = this.known[stream] ?? null
      const isPast = known === null || (at !== null && at >= (this.#swept[stream] ?? START))
      return `${at === null ? '' : pack(at)}${isPast ? '' : `_${known.toString(36)}`}`
    })
  }
}

/** @throws BadCursor */
function countIn(text: string): number {
  const count = Number.parseInt(text, 36)
  if (!/^[0-9a-z]{1,10}$/.test(text) || count.toString(36) !== text) throw new BadCursor('not a count')
  return count
}
