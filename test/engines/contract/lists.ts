import type { Test } from 'tap'
import type { Engine, Queries } from '../../../src/engines/engine.js'
import type { KeypostEvent } from '../../../src/schemas/event.js'
import type { Key, KeyStatus } from '../../../src/schemas/key.js'
import type { Result } from '../../../src/schemas/result.js'
import {
  all,
  done,
  event,
  fresh,
  key,
  type Place,
  profile,
  publishing,
  reclaim,
  take,
  writing,
} from './fixtures.js'

/** Every choice of some of these filters, none and all of them included. */
function subsets<T extends object>(filters: T): Partial<T>[] {
  let chosen: Partial<T>[] = [{}]
  for (const [name, value] of Object.entries(filters))
    chosen = chosen.flatMap((some) => [some, { ...some, [name]: value }])
  return chosen
}

/** Events of two topics, types and subjects in three partitions; most are settled, some of them dead. */
async function filled(engine: Engine): Promise<void> {
  for (let i = 0; i < 36; i++)
    await engine.commit(
      publishing(
        i,
        event(i, {
          topic: i % 2 === 0 ? 'a' : 'b',
          type: i % 4 < 2 ? 'x' : 'y',
          ...(i % 5 === 0 ? {} : { subject: `s${i % 3}` }),
        }),
      ),
    )
  for (const partition of [0, 1, 2]) {
    const token = await take(engine, partition)
    const { fresh: deliveries } = await reclaim(engine, partition)
    const settled = deliveries.slice(0, 9)
    await engine.settle(
      partition,
      token,
      settled.map((delivery, i) => done(delivery, { status: i % 3 === 0 ? 'dead' : 'processed' })),
    )
  }
}

const matches = (item: object, query: object) =>
  Object.entries(query).every(([field, value]) => item[field as keyof typeof item] === value)

export function lists(t: Test, place: Place): void {
  t.test('every filter of events and results, alone and together, in both orders', async (t) => {
    const engine = await fresh(t, place)
    await filled(engine)
    const events = await all(engine, 'events', {})
    const results = await all(engine, 'results', {})
    t.equal(events.length, 36 + 27)
    t.equal(results.length, 27)

    for (const order of ['desc', 'asc'] as const) {
      const compare = async <T extends KeypostEvent | Result>(found: T[], expected: T[], query: object) => {
        const times = found.map((item) => ('time' in item ? item.time : item.finishedAt))
        const sorted = [...times].sort()
        t.strictSame(times, order === 'asc' ? sorted : sorted.reverse(), `in order: ${JSON.stringify(query)}`)
        t.strictSame(byId(found), byId(expected), JSON.stringify(query))
      }
      for (const filters of subsets({ topic: 'a', type: 'x', subject: 's1', status: 'dead' as const })) {
        const query = { ...filters, order }
        const expected = results.filter((item) => matches(item, filters))
        await compare(await all(engine, 'results', query, { limit: 4 }), expected, { results: query })
      }
      for (const topic of ['a', 'processing_results'])
        for (const type of ['x', 'event.processed', 'event.dead'])
          for (const filters of subsets({ topic, type, subject: 's1' })) {
            const query: Queries['events'] = { ...filters, order }
            const expected = events.filter((item) => matches(item, filters))
            await compare(await all(engine, 'events', query, { limit: 5 }), expected, { events: query })
          }
    }
  })

  t.test('`since` is part of a list and `until` is not', async (t) => {
    const engine = await fresh(t, place)
    await filled(engine)
    const events = await all(engine, 'events', { order: 'asc' })
    const results = await all(engine, 'results', { order: 'asc' })
    const [since, until] = [events[10]?.time, events[40]?.time]
    t.strictSame(
      byId(await all(engine, 'events', { since, until }, { limit: 7 })),
      byId(events.filter(({ time }) => time >= (since ?? '') && time < (until ?? ''))),
    )
    const finished = results[13]?.finishedAt
    for (const topic of [undefined, 'a']) {
      const of = (item: Result) => topic === undefined || item.topic === topic
      const before = results.filter((item) => of(item) && item.finishedAt < (finished ?? ''))
      const from = results.filter((item) => of(item) && item.finishedAt >= (finished ?? ''))
      t.strictSame(byId(await all(engine, 'results', { topic, until: finished })), byId(before))
      t.strictSame(byId(await all(engine, 'results', { topic, since: finished })), byId(from))
    }
  })

  t.test('nothing is from before the epoch or from the end of time', async (t) => {
    const engine = await fresh(t, place)
    await filled(engine)
    for (const order of ['asc', 'desc'] as const)
      for (const bounds of [
        { until: '1970-01-01T00:00:00Z' },
        { until: '0001-01-01T00:00:00Z' },
        { since: '9999-12-31T00:00:00Z' },
      ])
        for (const kind of ['events', 'results'] as const)
          t.strictSame(await all(engine, kind, { ...bounds, order }), [], kind)
  })

  t.test('every filter of keys, alone and together, newest first', async (t) => {
    const engine = await fresh(t, place)
    const statuses: KeyStatus[] = ['pending', 'accepted']
    const [owner, print] = [profile(0).id, key(0).fingerprint]
    const records = Array.from({ length: 40 }, (_, i) =>
      key(i, {
        status: statuses[i % 2] ?? 'pending',
        provider: i % 3 === 0 ? 'acme' : null,
        profileId: i % 5 < 2 ? owner : null,
        ...(i % 7 < 3 ? { fingerprint: print } : {}),
      }),
    )
    await Promise.all(records.map((record, i) => engine.commit(writing(i, 'keys', null, record))))
    const newest = [...records].reverse()
    const filters = { status: 'pending' as const, provider: 'acme', profileId: owner, fingerprint: print }
    for (const query of subsets(filters))
      t.strictSame(
        await all(engine, 'keys', query, { limit: 3 }),
        newest.filter((record) => matches(record, query)),
        JSON.stringify(query),
      )
  })

  t.test('keys that expire before a time, soonest first', async (t) => {
    const engine = await fresh(t, place)
    const day = (i: number) => new Date(Date.UTC(2030, 0, 1 + i)).toISOString()
    const records = Array.from({ length: 20 }, (_, i) =>
      key(i, { expiresAt: i % 4 === 0 ? null : day((i * 7) % 20), status: i % 2 ? 'accepted' : 'pending' }),
    )
    await Promise.all(records.map((record, i) => engine.commit(writing(i, 'keys', null, record))))
    const soonest = (filter: (record: Key) => boolean) =>
      records
        .filter((record) => record.expiresAt !== null && record.expiresAt < day(10) && filter(record))
        .sort((a, b) => ((a.expiresAt ?? '') < (b.expiresAt ?? '') ? -1 : 1))
    t.strictSame(
      await all(engine, 'keys', { expiresBefore: day(10) }, { limit: 3 }),
      soonest(() => true),
    )
    t.strictSame(
      await all(engine, 'keys', { expiresBefore: '2030-01-11T02:00:00+02:00' }),
      soonest(() => true),
      'in whatever zone it is written',
    )
    t.strictSame(
      await all(engine, 'keys', { expiresBefore: day(10), status: 'accepted' }, { limit: 3 }),
      soonest(({ status }) => status === 'accepted'),
    )
  })

  t.test('a profile is found by its email', async (t) => {
    const engine = await fresh(t, place)
    const records = Array.from({ length: 6 }, (_, i) => profile(i, { email: `Ada${i}@Example.com` }))
    await Promise.all(records.map((record, i) => engine.commit(writing(i, 'profiles', null, record))))
    t.strictSame(await all(engine, 'profiles', { email: 'ada4@example.com' }), [records[4]])
    t.strictSame(await all(engine, 'profiles', { email: 'ada9@example.com' }), [])
  })
}

const byId = <T extends { id: string }>(items: T[]): T[] => [...items].sort((a, b) => (a.id < b.id ? -1 : 1))
