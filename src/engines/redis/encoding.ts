import type { KeypostEvent } from '../../schemas/event.js'
import type { Change, Claim, Delivered, NewEvent, RecordWrite } from '../engine.js'
import { type Position, position } from '../positions.js'
import { announcementIn, eventIn, GONE, GONE_TTL_MS, goneClaim, withVersion } from '../stored.js'
import { logTerms, type RecordEntry, recordEntries } from '../terms.js'

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
    goneClaim(id),
    before === null ? '' : String(before.version),
    after === null ? '' : withVersion(after),
    ...counted([...gone], itself),
    ...counted(added, itself),
  ]
}

/** What a deletion leaves. */
const tombstone = ({ before, after }: RecordWrite): Claim[] =>
  before === null || after !== null
    ? []
    : [{ name: goneClaim(before.id), from: null, to: GONE, ttlMs: GONE_TTL_MS }]

const eventArgs = (event: NewEvent): string[] => [
  event.id,
  event.topic,
  event.type,
  JSON.stringify(event),
  ...counted(logTerms(event), itself),
]

/** As lua/include/change.lua reads it. */
export const changeArgs = ({
  claims = [],
  writes = [],
  events,
}: Pick<Change, 'claims' | 'writes' | 'events'>): string[] => [
  ...counted([...claims, ...writes.flatMap(tombstone)], claimArgs),
  ...counted(writes, writeArgs),
  ...counted(events, eventArgs),
]

/** The position that a stream's id is. */
export function positionOf(id: string): Position {
  const [ms, sequence] = id.split('-')
  return position(Number(ms), Number(sequence))
}

/** The event in a stream's entry: in the results, the announcement with the result as its data. */
export function eventOf(at: Position, fields: string[]): KeypostEvent {
  const [, , , json = '', , result] = fields
  return result === undefined
    ? eventIn(at, json)
    : announcementIn(at, { ...JSON.parse(json), data: JSON.parse(result) })
}

/** When and to whom the event of a result was delivered last. */
export function deliveredIn(fields: string[]): Delivered {
  const delivered = fields[9] ?? ''
  const space = delivered.indexOf(' ')
  return { at: delivered.slice(0, space), processor: delivered.slice(space + 1) }
}
