import type { Test } from 'tap'
import { until } from '../../until.js'
import {
  all,
  claimed,
  event,
  everything,
  fresh,
  idsOf,
  key,
  next,
  type Place,
  profile,
  publishing,
  reclaim,
  writing,
} from './fixtures.js'

export function commits(t: Test, place: Place): void {
  t.test('a record and its event are there, whole, once the commit has resolved', async (t) => {
    const engine = await fresh(t, place)
    const record = key(4, { metadata: { team: 'ünïcode "quoted"\n' } })
    const change = writing(4, 'keys', null, record)
    const { replayed, time } = await engine.commit(change)
    t.equal(replayed, false)
    const published = { ...change.events[0], time }
    t.strictSame(await engine.get('keys', record.id), record)
    t.strictSame(await engine.get('events', change.events[0].id), published)
    t.strictSame(await all(engine, 'keys', { fingerprint: record.fingerprint }), [record])
    t.strictSame(await all(engine, 'events', { subject: `keys/${record.id}` }), [published])
    t.strictSame((await reclaim(engine, 1)).fresh, [
      { event: published, position: (await reclaim(engine, 1)).position, history: [], revision: 0 },
    ])
    t.match((await engine.stats()).topics.things, { published: 1, pending: 1 })
    t.equal((await engine.stats()).oldestUnfinishedAt, time)
  })

  t.test('what is unknown is null', async (t) => {
    const engine = await fresh(t, place)
    const { id } = profile(0)
    for (const kind of ['keys', 'profiles', 'events', 'results'] as const)
      t.equal(await engine.get(kind, id), null, kind)
  })

  t.test('a refused change leaves nothing behind', async (t) => {
    const engine = await fresh(t, place)
    const taken = profile(0)
    await engine.commit({
      ...writing(0, 'profiles', null, taken),
      claims: [{ name: 'email:taken', from: null, to: 'x' }],
    })
    const gone = profile(0)
    await engine.commit(writing(0, 'profiles', null, gone))
    await engine.commit(writing(0, 'profiles', gone, null))
    const before = await everything(engine)
    const refused = {
      'an outdated version': {
        write: { kind: 'profiles', before: { ...taken, version: 7 }, after: next(taken) },
        claims: [],
        expectation: { what: 'version', id: taken.id },
      },
      'a deleted record': {
        write: { kind: 'profiles', before: gone, after: next(gone) },
        claims: [],
        expectation: { what: 'version', id: gone.id },
      },
      'an id that is taken': {
        write: { kind: 'profiles', before: null, after: { ...taken, name: 'other' } },
        claims: [],
        expectation: { what: 'missing', id: taken.id },
      },
      'a claim that is taken': {
        write: { kind: 'profiles', before: taken, after: next(taken) },
        claims: [{ name: 'email:taken', from: null, to: 'y' }],
        expectation: { what: 'claim', claim: 'email:taken', found: 'x' },
      },
    } as const
    for (const [reason, { write, claims, expectation }] of Object.entries(refused)) {
      const innocent = key(0)
      const change = {
        ...publishing(0, event(0, { topic: 'other' })),
        writes: [
          { kind: 'keys' as const, before: null, after: innocent },
          { kind: 'profiles' as const, before: null, after: profile(0) },
          write,
        ],
        claims: [{ name: 'innocent', from: null, to: 'z' }, ...claims],
      }
      await t.rejects(engine.commit(change), { name: 'Conflict', expectation }, reason)
      t.strictSame(await everything(engine), before, `${reason}: all is as it was`)
      t.equal(await claimed(engine, 0, 'innocent'), null, `${reason}: no claim was taken`)
      t.equal(await engine.get('keys', innocent.id), null, `${reason}: no record was written`)
    }
  })

  t.test('a refused change does not take others with it', async (t) => {
    const engine = await fresh(t, place)
    const stale = profile(0)
    const changes = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? publishing(0, event(0)) : writing(0, 'profiles', stale, next(stale)),
    )
    const outcomes = await Promise.allSettled(changes.map((change) => engine.commit(change)))
    t.same(
      outcomes.map(({ status }) => status),
      changes.map((_, i) => (i % 2 === 0 ? 'fulfilled' : 'rejected')),
    )
    t.equal((await all(engine, 'events', {})).length, 10)
  })

  t.test('of many writers with one version, exactly one wins', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0)
    await engine.commit(writing(0, 'profiles', null, record))
    const writers = Array.from({ length: 20 }, (_, i) =>
      writing(0, 'profiles', record, next(record, { name: `writer ${i}` })),
    )
    const outcomes = await Promise.allSettled(writers.map((change) => engine.commit(change)))
    const winners = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [`writer ${i}`] : []))
    t.equal(winners.length, 1)
    t.strictSame(
      await engine.get('profiles', record.id),
      next(record, { name: winners[0] ?? '' }),
      'the record is what the winner wrote',
    )
    t.equal((await all(engine, 'events', {})).length, 2)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        t.match(outcome.reason, { expectation: { what: 'version', id: record.id } })
  })

  t.test('two hundred writers at once are all there, in the log once each', async (t) => {
    const engine = await fresh(t, place)
    const records = Array.from({ length: 200 }, (_, i) => key(i))
    await Promise.all(records.map((record, i) => engine.commit(writing(i, 'keys', null, record))))
    t.strictSame(
      (await all(engine, 'keys', {})).map(({ id }) => id),
      records.map(({ id }) => id).reverse(),
    )
    const deliveries = await Promise.all([0, 1, 2].map((partition) => reclaim(engine, partition)))
    const subjects = deliveries.flatMap(({ fresh }) => fresh.map(({ event }) => event.subject))
    t.strictSame(subjects.sort(), records.map(({ id }) => `keys/${id}`).sort())
    t.match((await engine.stats()).topics.things, { published: 200, pending: 200 })
  })

  t.test('the events of one change are together and in order', async (t) => {
    const engine = await fresh(t, place)
    const events = [event(1), event(1), event(1)]
    const { time } = await engine.commit(publishing(1, ...events))
    const { fresh: found } = await reclaim(engine, 1)
    t.strictSame(idsOf(found), idsOf(events.map((event) => ({ event }) as (typeof found)[number])))
    t.equal(found[0]?.event.time, time)
  })

  t.test('a deleted record is gone from every list, and its event is there', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0)
    await engine.commit(writing(0, 'profiles', null, record))
    const change = writing(0, 'profiles', record, null)
    await engine.commit(change)
    t.equal(await engine.get('profiles', record.id), null)
    t.strictSame(await all(engine, 'profiles', {}), [])
    t.strictSame(await all(engine, 'profiles', { email: record.email }), [])
    t.match(await engine.get('events', change.events[0].id), { data: record })
  })

  t.test('an updated record is found by what it is, not by what it was', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0, { email: 'old@example.com' })
    await engine.commit(writing(0, 'profiles', null, record))
    const renamed = next(record, { email: 'new@example.com' })
    await engine.commit(writing(0, 'profiles', record, renamed))
    t.strictSame(await all(engine, 'profiles', { email: 'old@example.com' }), [])
    t.strictSame(await all(engine, 'profiles', { email: 'new@example.com' }), [renamed])
    t.strictSame(await all(engine, 'profiles', {}), [renamed])
  })

  t.test('a commit wakes those who watch, with its partition, until they stop', async (t) => {
    const engine = await fresh(t, place)
    const gone: number[] = []
    const there: number[] = []
    const stop = engine.watch((partition) => gone.push(partition))
    engine.watch((partition) => there.push(partition))
    const wakes = () => there.filter((partition) => partition === 2).length
    await until(async () => {
      await engine.commit(publishing(2, event(2)))
      return wakes() > 0 && gone.includes(2)
    })
    stop()
    const [before, heard] = [wakes(), gone.length]
    await engine.commit(publishing(2, event(2)))
    await until(() => wakes() > before)
    t.equal(gone.length, heard)
  })
}
