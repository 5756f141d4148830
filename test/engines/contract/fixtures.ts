import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { failuresIn, reopenedIn } from '../../../src/domain/history.js'
import { newId } from '../../../src/domain/ids.js'
import type {
  Batch,
  Change,
  Delivery,
  Engine,
  Failed,
  Lease,
  NewEvent,
  Paging,
  Queries,
  RecordKind,
  RecordWrite,
  Reopening,
  Retention,
  Settlement,
  SettlementChange,
  Stored,
  Trace,
} from '../../../src/engines/engine.js'
import { type Position, position } from '../../../src/engines/positions.js'
import type { Key } from '../../../src/schemas/key.js'
import type { Profile } from '../../../src/schemas/profile.js'

/** Opens an engine on the data of one test, and closes it when the test ends, if it is not closed before. */
export type Open = (options?: { partitions?: number }) => Promise<Engine>

/** Makes room for the data of one test. It can be opened again, after a close or (`features.shared`) beside. */
export type Place = (t: Test) => Promise<Open>

/** Three partitions, so that none of what is said of several is said of one. */
export async function fresh(t: Test, place: Place, partitions = 3): Promise<Engine> {
  return (await place(t))({ partitions })
}

let made = 0

export function profile(placement: number, rest: Partial<Profile> = {}): Profile {
  const at = new Date().toISOString()
  const email = `ada${made++}@example.com`
  return {
    id: newId(placement),
    name: 'Ada',
    email,
    metadata: {},
    version: 1,
    createdAt: at,
    updatedAt: at,
    ...rest,
  }
}

export function key(placement: number, rest: Partial<Key> = {}): Key {
  const at = new Date().toISOString()
  return {
    id: newId(placement),
    name: 'deploy',
    status: 'pending',
    masked: '****',
    fingerprint: createHash('sha256').update(String(made++)).digest('hex'),
    provider: null,
    format: null,
    reasons: [],
    warnings: [],
    duplicateOf: null,
    profileId: null,
    expiresAt: null,
    metadata: {},
    version: 1,
    createdAt: at,
    updatedAt: at,
    ...rest,
  }
}

export const event = (placement: number, rest: Partial<NewEvent> = {}): NewEvent => ({
  specversion: '1.0',
  id: newId(placement),
  source: '/test',
  type: 'thing.happened',
  topic: 'things',
  data: { n: made++ },
  ...rest,
})

/** A change that publishes events alone. */
export const publishing = (placement: number, ...events: NewEvent[]): Change => ({
  operationId: newId(placement),
  placement,
  events,
})

/** A change that writes one record and publishes one event about it. */
export const writing = <K extends RecordKind>(
  placement: number,
  kind: K,
  before: Stored[K] | null,
  after: Stored[K] | null,
): Change & { events: [NewEvent] } => ({
  operationId: newId(placement),
  placement,
  writes: [{ kind, before, after } as RecordWrite],
  events: [event(placement, { subject: `${kind}/${(after ?? before)?.id}`, data: after ?? before })],
})

/** The same record as it is after one more write. */
export const next = <T extends { version: number }>(record: T, rest: Partial<T> = {}): T => ({
  ...record,
  ...rest,
  version: record.version + 1,
})

/** Publishes so many events in a partition; their ids. */
export async function publish(
  engine: Engine,
  count: number,
  placement = 0,
  rest: Partial<NewEvent> = {},
): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const one = event(placement, rest)
    await engine.commit(publishing(placement, one))
    ids.push(one.id)
  }
  return ids
}

/** Takes a partition from whoever has it; the token. */
export async function take(engine: Engine, partition = 0): Promise<string> {
  const { leases } = await engine.lease(null, [])
  const to: Lease = { partition, token: newId(), processor: 'p1', beat: 1 }
  const fleet = await engine.lease(null, [{ partition, from: leases[partition] ?? null, to }])
  if (fleet.leases[partition]?.token !== to.token) throw new Error('the partition was not taken')
  return to.token
}

/** What a processor finds that has just taken the partition. */
export const reclaim = (engine: Engine, partition = 0): Promise<Batch> => engine.claim(partition, null, 1000)

export const idsOf = (deliveries: Delivery[]): string[] => deliveries.map(({ event }) => event.id)

/** The only delivery that there is in a partition. */
export async function only(engine: Engine, partition = 0): Promise<Delivery> {
  const { fresh, due } = await reclaim(engine, partition)
  const [delivery, ...others] = [...fresh, ...due]
  if (delivery === undefined || others.length > 0) throw new Error('not one delivery')
  return delivery
}

const failure = (retryAt: string | null): Failed => ({
  what: 'failed',
  at: new Date().toISOString(),
  startedAt: new Date().toISOString(),
  processor: 'p1',
  error: { code: 'broken', message: 'it broke' },
  retryAt,
})

export function done(
  delivery: Delivery,
  { status = 'processed' as 'processed' | 'dead', change = undefined as SettlementChange | undefined } = {},
): Settlement {
  const { event, history } = delivery
  const dead = status === 'dead'
  const entry = dead ? failure(null) : null
  return {
    delivery,
    entry,
    how: 'done',
    result: {
      announcement: { id: newId(Number.parseInt(event.id.slice(-4), 16)), source: '/test' },
      delivered: { at: new Date().toISOString(), processor: 'p1' },
      body: {
        id: event.id,
        topic: event.topic,
        type: event.type,
        subject: event.subject ?? null,
        status,
        handler: 'test',
        attempts: failuresIn(history).length + 1,
        outcome: dead ? null : { code: 'recorded' },
        error: entry === null ? null : entry.error,
        publishedAt: event.time,
        replaces: reopenedIn(history)?.replaced ?? null,
        durationMs: 1.5,
      },
    },
    ...(change === undefined ? {} : { change }),
  }
}

export const retry = (delivery: Delivery, delayMs: number): Settlement => ({
  delivery,
  entry: failure(new Date(Date.now() + delayMs).toISOString()),
  how: 'retry',
  delayMs,
})

/** Publishes so many events in a partition and ends them all; their ids. */
export async function settled(
  engine: Engine,
  count: number,
  status: 'processed' | 'dead' = 'processed',
  placement = 0,
): Promise<string[]> {
  const ids = await publish(engine, count, placement)
  await settleAll(engine, status, placement)
  return ids
}

/** Ends all that can be claimed of a partition. */
export async function settleAll(
  engine: Engine,
  status: 'processed' | 'dead' = 'processed',
  partition = 0,
): Promise<void> {
  const token = await take(engine, partition)
  const { fresh, due } = await reclaim(engine, partition)
  const settlements = [...fresh, ...due].map((delivery) => done(delivery, { status }))
  const verdicts = await engine.settle(partition, token, settlements)
  if (verdicts.some((verdict) => verdict !== 'settled')) throw new Error(`not settled: ${verdicts}`)
}

/** What is known of an event that has a result. */
export async function ended(engine: Engine, id: string): Promise<Reopening['trace']> {
  const trace = await engine.get('traces', id)
  if (trace === null) throw new Error('it is not kept')
  return withEnd(trace)
}

function withEnd({ ended, ...rest }: Trace): Reopening['trace'] {
  if (ended === null) throw new Error('it is unfinished')
  return { ...rest, ended }
}

export function reopening(trace: Reopening['trace'], how: Reopening['how']): Reopening {
  const { announcement, result } = trace.ended
  const entry = {
    what: how === 'redrive' ? 'redriven' : 'replayed',
    at: new Date().toISOString(),
    replaced: announcement,
    was: { status: result.status, at: result.finishedAt },
  } as const
  return {
    how,
    trace,
    entry: how === 'discard' ? null : entry,
    operationId: newId(),
    operationTtlMs: 60_000,
  }
}

/** Reopens an event as it is now. */
export async function reopen(engine: Engine, id: string, how: Reopening['how']): Promise<string> {
  return engine.reopen(reopening(await ended(engine, id), how))
}

/** Beyond all that there is, and before all. */
export const ALL: Position = position(Date.UTC(2200, 0), 0)
export const NONE: Position = position(0, 0)

/** Sweeps a partition until there is nothing to take away any more; what it took. */
export async function sweepAll(
  engine: Engine,
  { partition = 0, ...rest }: Partial<Retention> & { partition?: number } = {},
): Promise<{ events: number; results: number }> {
  const retention = { eventsBefore: ALL, resultsBefore: NONE, limit: 100, ...rest }
  const all = { events: 0, results: 0 }
  for (;;) {
    const { events, results, more, lost, stray } = await engine.sweep(partition, retention)
    if (events > retention.limit || results > retention.limit) throw new Error('it took more than its limit')
    if (lost.length > 0 || stray) throw new Error('nobody else took anything')
    all.events += events
    all.results += results
    if (!more && events + results === 0) return all
  }
}

/** Every page of a list, and the items of all of them. `between` runs after each page. */
export async function all<K extends keyof Stored>(
  engine: Engine,
  kind: K,
  query: Queries[K],
  { limit = 200, between = async () => {} }: { limit?: number; between?: () => Promise<unknown> } = {},
): Promise<Stored[K][]> {
  const items: Stored[K][] = []
  let cursor: string | undefined
  for (;;) {
    const paging: Paging = { limit, cursor }
    const page = await engine.list(kind, { ...query, ...paging })
    if (page.items.length > limit) throw new Error('a page was longer than its limit')
    items.push(...page.items)
    if (page.nextCursor === null) return items
    cursor = page.nextCursor
    await between()
  }
}

/** All that can be seen of the data, to tell that nothing of it has changed. */
export async function everything(engine: Engine) {
  const partitions = Array.from({ length: engine.layout.partitions }, (_, partition) => partition)
  const events = await all(engine, 'events', {})
  return {
    keys: await all(engine, 'keys', {}),
    profiles: await all(engine, 'profiles', {}),
    events,
    results: await all(engine, 'results', {}),
    current: await all(engine, 'results', { discarded: false }),
    traces: await Promise.all(events.map(({ id }) => engine.get('traces', id))),
    stats: await engine.stats(),
    unfinished: await Promise.all(
      partitions.map(async (partition) => {
        const { fresh, due } = await reclaim(engine, partition)
        return { fresh, due }
      }),
    ),
  }
}

/** What a claim is now. */
export const claimed = (engine: Engine, placement: number, name: string): Promise<string | null> =>
  engine.swap(placement, { name, from: null, to: null })
