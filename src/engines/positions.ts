import { BadCursor } from './errors.js'

/**
 * Where an event or a result stands in its partition: the engine's clock in milliseconds when it was written
 * (never going back), then a counter. Both have a fixed width, so positions compare as strings the way they
 * compare as numbers, and the time of an event *is* the millisecond of its position: lists by position are
 * lists by time.
 */
export type Position = string

/** 13 digits of milliseconds last until the year 2286; 8 digits of counter last when a clock stands for hours. */
const MS = 13
const SEQUENCE = 8

/** A time that the width does not hold, as a client's bound may be, counts as the nearest that it does. */
export const position = (ms: number, sequence: number): Position =>
  `${String(Math.min(Math.max(ms, 0), 10 ** MS - 1)).padStart(MS, '0')}-${String(sequence).padStart(SEQUENCE, '0')}`

export const msOf = (at: Position): number => Number(at.slice(0, MS))
export const sequenceOf = (at: Position): number => Number(at.slice(MS + 1))

/** Before all that a clock gives. */
export const START: Position = position(0, 0)

/** RFC 3339, UTC, milliseconds. */
export const timeAt = (at: Position): string => new Date(msOf(at)).toISOString()

/** The first position that a clock at or after `time` can give: everything before it is strictly earlier. */
export const firstAt = (time: string): Position => position(Date.parse(time), 0)

/** A position in few characters, so that a cursor over many partitions still fits a URL. */
export const pack = (at: Position): string => `${msOf(at).toString(36)}.${sequenceOf(at).toString(36)}`

/** @throws BadCursor */
export function unpack(packed: string): Position {
  const [, ms, sequence] = /^([0-9a-z]{1,9})\.([0-9a-z]{1,6})$/.exec(packed) ?? []
  if (ms === undefined || sequence === undefined) throw new BadCursor('not a position')
  const at = position(Number.parseInt(ms, 36), Number.parseInt(sequence, 36))
  if (pack(at) !== packed) throw new BadCursor('not written like a position')
  return at
}
