import { BadCursor } from './errors.js'
import type { Plan } from './plan.js'
import { msOf, type Position, pack, position, unpack } from './positions.js'
import { VectorPlace } from './vector.js'

/** How far a list has been read. */
export interface Place {
  /** Exclusive bounds of what is still to be read of a stream. */
  after(stream: number): string | null
  before(stream: number): string | null
  /** Says that this row has been read. */
  passed(stream: number, sort: string): void
  /** What a cursor keeps of it; no field holds a comma. */
  fields(): string[]
}

/**
 * Records: the last sort key, which is unique in the whole list.
 */
class SortPlace implements Place {
  constructor(
    private readonly reverse: boolean,
    private last: string | null = null,
  ) {}
  after = () => (this.reverse ? null : this.last)
  before = () => (this.reverse ? this.last : null)
  passed = (_stream: number, sort: string) => {
    this.last = sort
  }
  fields = () => [this.last ?? '']
}

/**
 * Newest first: the last row. Rows are ordered by millisecond, then stream, then position, so that one row
 * says exactly what is still to come of every stream. What is added meanwhile is newer, and not part of it.
 */
class PointPlace implements Place {
  constructor(private last: { stream: number; at: Position } | null = null) {}
  after = () => null
  before = (stream: number) => {
    if (this.last === null) return null
    const { stream: own, at } = this.last
    if (stream === own) return at
    return position(stream < own ? msOf(at) + 1 : msOf(at), 0)
  }
  passed = (stream: number, at: string) => {
    this.last = { stream, at }
  }
  fields = () => (this.last === null ? ['', ''] : [String(this.last.stream), pack(this.last.at)])
}

export const writeCursor = (plan: Plan<unknown>, place: Place): string =>
  Buffer.from([plan.signature, ...place.fields()].join(',')).toString('base64url')

/** @throws BadCursor when this list, with this order, did not give it. */
export function readCursor(plan: Plan<unknown>, cursor: string | undefined): Place {
  const streams = plan.streams.length
  if (cursor === undefined) {
    if (plan.by === 'sort') return new SortPlace(plan.reverse)
    return plan.reverse ? new PointPlace() : VectorPlace.atBeginning(streams)
  }
  const fields = fieldsOf(plan, cursor)
  if (plan.by === 'sort') return new SortPlace(plan.reverse, sortIn(fields))
  return plan.reverse ? new PointPlace(pointIn(fields, streams)) : VectorPlace.from(fields, streams)
}

function fieldsOf({ signature }: Plan<unknown>, cursor: string): string[] {
  const text = Buffer.from(cursor, 'base64url').toString()
  if (Buffer.from(text).toString('base64url') !== cursor) throw new BadCursor('not written like a cursor')
  if (!text.startsWith(`${signature},`)) throw new BadCursor('of another list')
  return text.slice(signature.length + 1).split(',')
}

function sortIn(fields: string[]): string {
  const [sort] = fields
  if (fields.length !== 1 || sort === undefined || !/^[0-9A-Za-z:. -]{36,80}$/.test(sort))
    throw new BadCursor('not a sort key')
  return sort
}

function pointIn(fields: string[], streams: number) {
  const [stream = '', at = ''] = fields
  if (fields.length !== 2 || !/^\d{1,6}$/.test(stream) || Number(stream) >= streams)
    throw new BadCursor('not a point')
  return { stream: Number(stream), at: unpack(at) }
}
