import type { Change, RecordWrite } from '../engine.js'
import { Conflict } from '../errors.js'
import type { Position } from '../positions.js'
import { GONE, GONE_TTL_MS, goneClaim, versionIn, withVersion } from '../stored.js'
import { logTerms, recordEntries } from '../terms.js'
import { claimed, setClaim } from './claims.js'
import type { Clock } from './clock.js'
import { count } from './counters.js'
import { keys } from './keys.js'
import type { Store } from './store.js'

/** What of a change can be made ready before the transaction. */
export interface Prepared {
  claims: NonNullable<Change['claims']>
  writes: PreparedWrite[]
  events: { id: string; topic: string; json: string; terms: string[] }[]
}

interface PreparedWrite {
  id: string
  key: Buffer
  /** null creates. */
  expected: number | null
  /** null deletes. */
  value: string | null
  gone: Buffer[]
  added: Buffer[]
}

export function prepare(partition: number, change: Pick<Change, 'claims' | 'writes' | 'events'>): Prepared {
  return {
    claims: change.claims ?? [],
    writes: (change.writes ?? []).map((write) => prepareWrite(partition, write)),
    events: (change.events ?? []).map((event) => ({
      id: event.id,
      topic: event.topic,
      json: JSON.stringify(event),
      terms: logTerms(event),
    })),
  }
}

function prepareWrite(partition: number, { kind, before, after }: RecordWrite): PreparedWrite {
  const id = (after ?? before)?.id
  if (id === undefined) throw new TypeError('a write needs the record before or after it')
  const entries = (record: typeof before) =>
    recordEntries(kind, record).map(({ term, sort }) => keys.index(kind, partition, term, sort))
  return {
    id,
    key: keys.record(kind, id),
    expected: before === null ? null : before.version,
    value: after === null ? null : withVersion(after),
    gone: entries(before),
    added: entries(after),
  }
}

/** Whether a record's id is taken, be it by one that was deleted. */
export const isTaken = (store: Store, partition: number, { id, key }: PreparedWrite): boolean =>
  store.has(key) || claimed(store, partition, goneClaim(id)) !== null

/** The first expectation that does not hold. */
export function failing(store: Store, partition: number, { writes, claims }: Prepared): Conflict | null {
  for (const write of writes) {
    const { id, key, expected } = write
    if (expected === null) {
      if (isTaken(store, partition, write)) return new Conflict({ what: 'missing', id })
      continue
    }
    const stored = store.get(key)
    if (stored === undefined || versionIn(stored) !== expected) return new Conflict({ what: 'version', id })
  }
  for (const { name, from } of claims) {
    const found = claimed(store, partition, name)
    if (found !== from) return new Conflict({ what: 'claim', claim: name, found })
  }
  return null
}

/** Writes a change of which nothing fails. Answers the position of its first event. */
export function apply(
  store: Store,
  clock: Clock,
  partition: number,
  { claims, writes, events }: Prepared,
): Position | null {
  for (const claim of claims)
    if (claim.from !== claim.to || claim.ttlMs !== undefined) setClaim(store, partition, claim)
  for (const { id, key, value, gone, added } of writes) {
    if (value === null) {
      store.remove(key)
      setClaim(store, partition, { name: goneClaim(id), to: GONE, ttlMs: GONE_TTL_MS })
    } else store.put(key, value)
    for (const entry of gone) store.remove(entry)
    for (const entry of added) store.put(entry, '')
  }
  const positions = events.map(({ id, topic, json, terms }) => {
    const at = clock.next(partition)
    store.put(keys.entry('log', partition, at), json)
    store.put(keys.event(id), at)
    for (const term of terms) store.put(keys.index('log', partition, term, at), '')
    count(store, partition, topic, { published: 1, pending: 1 })
    return at
  })
  return positions[0] ?? null
}
