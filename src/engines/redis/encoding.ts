import type { KeypostEvent } from '../../schemas/event.js'
import type { Result } from '../../schemas/result.js'
import type { Change, Claim, NewEvent, RecordWrite } from '../engine.js'
import { msOf, type Position, position, timeAt } from '../positions.js'
import { logTerms, type RecordEntry, recordEntries } from '../terms.js'

/** What a deleted record leaves, so that its id stays taken. */
const TOMBSTONE = '0'

/** A list of ARGV: its length, then its items. */
export const counted = <T>(items: T[] | undefined, encode: (item: T) => string[]): string[] => [
  String(items?.length ?? 0),
  ...(items ?? []).flatMap(encode),
]

export const itself = (item: string) => [item]

const optional = (value: string | null) => (value === null ? '' : `=${value}`)

export const claimArgs = ({ name, from, to, ttlMs }: Claim): string[] => [
  name,
  optional(from),
  optional(to),
  ttlMs === undefined ? '' : String(ttlMs),
]

/** A member of an index. */
const member = ({ term, sort }: RecordEntry) => `${term}\0${sort}`

function writeArgs({ kind, before, after }: RecordWrite): string[] {
  const id = (after ?? before)?.id
  if (id === undefined) throw new TypeError('a write needs the record before or after it')
  const gone = new Set(recordEntries(kind, before).map(member))
  const all = recordEntries(kind, after).map(member)
  const added = all.filter((entry) => !gone.has(entry))
  for (const entry of all) gone.delete(entry)
  return [
    kind,
    id,
    before === null ? '' : String(before.version),
    after === null ? TOMBSTONE : `${after.version} ${JSON.stringify(after)}`,
    ...counted([...gone], itself),
    ...counted(added, itself),
  ]
}

const eventArgs = (event: NewEvent): string[] => [
  event.id,
  event.topic,
  event.type,
  JSON.stringify(event),
  ...counted(logTerms(event), itself),
]

/** As lua/include/change.lua reads it. */
export const changeArgs = ({
  claims,
  writes,
  events,
}: Pick<Change, 'claims' | 'writes' | 'events'>): string[] => [
  ...counted(claims, claimArgs),
  ...counted(writes, writeArgs),
  ...counted(events, eventArgs),
]

/** A stored record, or null for a tombstone. */
export const recordIn = <T>(value: string): T | null =>
  value === TOMBSTONE ? null : (JSON.parse(value.slice(value.indexOf(' ') + 1)) as T)

/** The position that a stream's id is. */
export function positionOf(id: string): Position {
  const [ms, sequence] = id.split('-')
  return position(Number(ms), Number(sequence))
}

/** An event, whose time is its position's. */
export const eventAt = (at: Position, json: string): KeypostEvent => ({
  ...(JSON.parse(json) as NewEvent),
  time: timeAt(at),
})

/** The event in a stream's entry: in the results, the announcement with the result as its data. */
export function eventIn(at: Position, fields: string[]): KeypostEvent {
  const [, , , json = '', , result] = fields
  if (result === undefined) return eventAt(at, json)
  const body = JSON.parse(result) as Omit<Result, 'finishedAt' | 'latencyMs'>
  const time = timeAt(at)
  const latencyMs = Math.max(0, msOf(at) - Date.parse(body.publishedAt))
  return {
    ...(JSON.parse(json) as Omit<NewEvent, 'data'>),
    data: { ...body, finishedAt: time, latencyMs },
    time,
  }
}
