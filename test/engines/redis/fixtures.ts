import type { Test } from 'tap'
import { failuresIn, reopenedIn } from '../../../src/domain/history.js'
import { newId, placementOf } from '../../../src/domain/ids.js'
import type { Change, Delivery, Engine, Lease, Settlement } from '../../../src/engines/engine.js'
import { connect } from '../../../src/engines/redis/connections.js'
import { openRedis } from '../../../src/engines/redis/index.js'
import type { Profile } from '../../../src/schemas/profile.js'

export const failOn = (t: Test) => (error: Error) => t.fail(`unexpected: ${error.message}`)

/** An engine over connections of its own, closed when the test ends. */
export async function open(
  t: Test,
  url: string,
  options: { partitions?: number; pepperIds?: string[]; onFatal?: (error: Error) => void } = {},
): Promise<Engine> {
  const connections = connect(url)
  t.teardown(() => connections.close())
  const engine = await openRedis({
    connections,
    partitions: options.partitions,
    pepperIds: options.pepperIds ?? ['pepper'],
    onFatal: options.onFatal ?? failOn(t),
  })
  t.teardown(() => engine.close())
  return engine
}

export const profile = (placement: number, rest: Partial<Profile> = {}): Profile => ({
  id: newId(placement),
  name: 'Ada',
  email: 'ada@example.com',
  metadata: {},
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  ...rest,
})

/** Creates a profile and publishes that; `topic` to tell tests on one server apart. */
export function creation(topic: string, placement = 0, rest: Partial<Profile> = {}) {
  const record = profile(placement, rest)
  const change: Change = {
    operationId: newId(placement),
    placement,
    writes: [{ kind: 'profiles', before: null, after: record }],
    events: [eventOf(topic, record)],
  }
  return { record, change, eventId: change.events?.[0]?.id ?? '' }
}

/** Raises the profile's version and publishes that. */
export function update(topic: string, before: Profile) {
  const after = { ...before, version: before.version + 1 }
  const placement = placementOf(before.id)
  const change: Change = {
    operationId: newId(placement),
    placement,
    writes: [{ kind: 'profiles', before, after }],
    events: [eventOf(topic, after)],
  }
  return { after, change }
}

const eventOf = (topic: string, record: Profile) => ({
  specversion: '1.0' as const,
  id: newId(placementOf(record.id)),
  source: '/test',
  type: 'profile.changed',
  subject: `profiles/${record.id}`,
  topic,
  data: record,
})

/** Takes a free partition. */
export async function take(engine: Engine, partition = 0): Promise<Lease> {
  const lease = { partition, token: newId(), processor: 'p1', beat: 1 }
  const { leases } = await engine.lease(null, [{ partition, from: null, to: lease }])
  if (leases[partition]?.token !== lease.token) throw new Error('the partition was not free')
  return lease
}

export function processed(delivery: Delivery): Settlement {
  const { event, history } = delivery
  const body = {
    id: event.id,
    topic: event.topic,
    type: event.type,
    subject: event.subject ?? null,
    status: 'processed' as const,
    handler: 'test',
    attempts: failuresIn(history).length + 1,
    outcome: { code: 'recorded' },
    error: null,
    publishedAt: event.time,
    replaces: reopenedIn(history)?.replaced ?? null,
    durationMs: 1.5,
  }
  const announcement = { id: newId(placementOf(event.id)), source: '/test' }
  return {
    delivery,
    entry: null,
    how: 'done',
    result: { announcement, delivered: { at: new Date().toISOString(), processor: 'p1' }, body },
  }
}

export function failed(delivery: Delivery, delayMs: number): Settlement {
  const now = new Date().toISOString()
  const error = { code: 'broken', message: 'no' }
  const entry = { what: 'failed' as const, at: now, startedAt: now, processor: 'p1', error, retryAt: now }
  return { delivery, entry, how: 'retry', delayMs }
}

export { until } from '../../until.js'
