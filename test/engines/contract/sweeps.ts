import type { Test } from 'tap'
import { firstAt } from '../../../src/engines/positions.js'
import { until } from '../../until.js'
import {
  ALL,
  all,
  done,
  ended,
  event,
  everything,
  fresh,
  idsOf,
  key,
  NONE,
  next,
  only,
  type Place,
  profile,
  publish,
  publishing,
  reclaim,
  reopen,
  reopening,
  retry,
  settleAll,
  settled,
  sweepAll,
  take,
  writing,
} from './fixtures.js'

const idsIn = (items: { id: string }[]) => items.map(({ id }) => id)
const logged = async (engine: Parameters<typeof all>[0]) =>
  idsIn(await all(engine, 'events', { topic: 'things', order: 'asc' }))

export function sweeps(t: Test, place: Place): void {
  t.test('a processed event goes, and its result stays', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await settled(engine, 1)
    const trace = await ended(engine, id)
    const { topics } = await engine.stats()
    const results = await all(engine, 'results', {})
    t.strictSame(await sweepAll(engine), { events: 1, results: 0 })

    t.equal(await engine.get('events', id), null)
    t.equal(await engine.get('traces', id), null)
    t.strictSame(await engine.get('results', id), trace.ended.result)
    t.strictSame(await all(engine, 'results', {}), results)
    t.strictSame(idsIn(await all(engine, 'events', {})), [trace.ended.announcement])
    for (const query of [{ topic: 'things' }, { type: 'thing.happened' }])
      t.strictSame(await all(engine, 'events', query), [])
    t.strictSame((await engine.stats()).topics, topics, 'counters are of all that ever was')
    t.equal(await engine.reopen(reopening(trace, 'replay')), 'conflict', 'what is gone is not replayed')
    const token = await take(engine)
    t.strictSame(await engine.settle(0, token, [done(trace)]), ['already'])
    t.strictSame(await sweepAll(engine), { events: 0, results: 0 })
  })

  t.test('a result goes after its event, and its announcement with it', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await settled(engine, 1)
    const trace = await ended(engine, id)
    const { topics } = await engine.stats()
    t.strictSame(
      await sweepAll(engine, { eventsBefore: NONE, resultsBefore: ALL }),
      { events: 0, results: 0 },
      'the event is still there',
    )
    t.strictSame(await sweepAll(engine, { resultsBefore: ALL }), { events: 1, results: 1 })
    t.equal(await engine.get('results', id), null)
    t.equal(await engine.get('events', trace.ended.announcement), null)
    t.match(await everything(engine), {
      events: [],
      results: [],
      unfinished: Array(3).fill({ fresh: [], due: [] }),
    })
    for (const query of [{ topic: 'things' }, { type: 'thing.happened' }, { status: 'processed' as const }])
      t.strictSame(await all(engine, 'results', query), [])
    t.strictSame((await engine.stats()).topics, topics)
    const token = await take(engine)
    t.strictSame(await engine.settle(0, token, [done(trace)]), ['already'], 'it is not settled again')
    t.strictSame((await engine.stats()).topics, topics)
  })

  t.test('only what is older goes', async (t) => {
    const engine = await fresh(t, place)
    const ids = await publish(engine, 4)
    const { fresh: deliveries } = await reclaim(engine)
    const token = await take(engine)
    for (const delivery of deliveries) {
      const since = Date.now()
      await until(() => Date.now() > since)
      await engine.settle(0, token, [done(delivery)])
    }
    const third = deliveries[2]?.position ?? ''
    t.strictSame(await sweepAll(engine, { eventsBefore: third }), { events: 2, results: 0 })
    t.strictSame(await logged(engine), ids.slice(2))
    const { finishedAt = '' } = (await engine.get('results', ids[1] ?? '')) ?? {}
    const retention = { eventsBefore: third, resultsBefore: firstAt(finishedAt) }
    t.strictSame(await sweepAll(engine, retention), { events: 0, results: 1 })
    t.strictSame(idsIn(await all(engine, 'results', { order: 'asc' })), ids.slice(1))
  })

  const unfinished = {
    pending: async () => {},
    'waiting for a retry': async (engine, token) => {
      await engine.settle(0, token, [retry(await only(engine), 60_000)])
    },
    redriven: async (engine, token, id) => {
      await engine.settle(0, token, [done(await only(engine), { status: 'dead' })])
      await reopen(engine, id, 'redrive')
    },
    replayed: async (engine, token, id) => {
      await engine.settle(0, token, [done(await only(engine))])
      await reopen(engine, id, 'replay')
    },
  } satisfies Record<string, (engine: Parameters<typeof take>[0], token: string, id: string) => Promise<void>>
  for (const [state, make] of Object.entries(unfinished))
    t.test(`an event that is ${state} is neither taken nor passed`, async (t) => {
      const engine = await fresh(t, place)
      const before = await settled(engine, 2)
      const [id = ''] = await publish(engine, 1)
      await make(engine, await take(engine), id)
      const behind = await publish(engine, 2)
      const token = await take(engine)
      const { fresh: deliveries } = await reclaim(engine)
      await engine.settle(
        0,
        token,
        deliveries.filter(({ event }) => behind.includes(event.id)).map((delivery) => done(delivery)),
      )
      const traces = async () => Promise.all([id, ...behind].map((id) => engine.get('traces', id)))
      const [kept, found] = [await traces(), await reclaim(engine)]
      t.equal((await sweepAll(engine, { resultsBefore: ALL })).events, before.length)
      t.strictSame(await logged(engine), [id, ...behind])
      t.strictSame(await traces(), kept)
      t.strictSame((await reclaim(engine)).fresh, found.fresh)
      t.strictSame((await reclaim(engine)).due, found.due)
      if (state === 'waiting for a retry') return
      await settleAll(engine)
      t.equal((await sweepAll(engine)).events, 3, 'they go when it is finished')
    })

  t.test('a dead letter is kept as long as its result, and a discarded one is not', async (t) => {
    const engine = await fresh(t, place)
    const [dead = '', discarded = ''] = await settled(engine, 2, 'dead')
    await settled(engine, 1)
    await reopen(engine, discarded, 'discard')
    const trace = await ended(engine, dead)
    const { topics } = await engine.stats()
    t.strictSame(await sweepAll(engine), { events: 2, results: 0 })
    t.strictSame(await ended(engine, dead), trace)
    t.strictSame(await logged(engine), [dead])
    t.equal((await engine.get('results', discarded))?.status, 'dead')
    t.strictSame(idsIn(await all(engine, 'results', { status: 'dead', discarded: false })), [dead])
    t.equal(await reopen(engine, dead, 'redrive'), 'reopened', 'it can still be redriven')
    await settleAll(engine, 'dead')
    t.strictSame(await sweepAll(engine, { resultsBefore: ALL }), { events: 1, results: 4 })
    t.strictSame(await all(engine, 'events', {}), [])
    const { things } = (await engine.stats()).topics
    t.strictSame(things, topics.things)
  })

  t.test('the result of a dead letter stays as long as its event is young', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await settled(engine, 1, 'dead')
    const trace = await ended(engine, id)
    const retention = { eventsBefore: trace.position, resultsBefore: ALL }
    t.strictSame(await sweepAll(engine, retention), { events: 0, results: 0 })
    t.strictSame(await ended(engine, id), trace)
    t.strictSame(await sweepAll(engine, { resultsBefore: ALL }), { events: 1, results: 1 })
  })

  t.test('a result that was replaced goes, whatever its event does', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await settled(engine, 1, 'dead')
    const old = (await ended(engine, id)).ended.announcement
    await reopen(engine, id, 'redrive')
    t.strictSame(await sweepAll(engine, { resultsBefore: ALL }), { events: 0, results: 1 })
    t.equal(await engine.get('events', old), null)
    await settleAll(engine)
    t.match(await engine.get('results', id), { status: 'processed', replaces: old })
    t.equal((await ended(engine, id)).history.length, 2)
  })

  t.test('a sweep takes at most its limit, oldest first, and says whether there is more', async (t) => {
    const engine = await fresh(t, place)
    const ids = await settled(engine, 7)
    const retention = { eventsBefore: ALL, resultsBefore: NONE, limit: 3 }
    const first = await engine.sweep(0, retention)
    t.match(first, { events: 3, results: 0, more: true })
    t.strictSame(await logged(engine), ids.slice(3))
    t.strictSame(await sweepAll(engine, { limit: 3 }), { events: 4, results: 0 })
    t.strictSame(await sweepAll(engine, { limit: 2, resultsBefore: ALL }), { events: 0, results: 7 })
    t.match(await engine.sweep(0, retention), { events: 0, results: 0 })
  })

  t.test('what is kept does not hold up what is behind it', async (t) => {
    const engine = await fresh(t, place)
    const dead = await settled(engine, 9, 'dead')
    await settled(engine, 5)
    t.strictSame(await sweepAll(engine, { limit: 2 }), { events: 5, results: 0 })
    t.strictSame(await logged(engine), dead)
    for (const id of dead.slice(0, 2)) await reopen(engine, id, 'redrive')
    await settleAll(engine)
    t.strictSame(await sweepAll(engine, { limit: 2 }), { events: 2, results: 0 }, 'nor is it forgotten')
  })

  t.test('results that are kept do not hold up those that were replaced', async (t) => {
    const engine = await fresh(t, place)
    const ids = await publish(engine, 6)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    for (const delivery of deliveries.slice(1)) await engine.settle(0, token, [done(delivery)])
    await reopen(engine, ids[5] ?? '', 'replay')
    t.strictSame(await sweepAll(engine, { limit: 2, resultsBefore: ALL }), { events: 0, results: 1 })
    t.strictSame(idsIn(await all(engine, 'results', { order: 'asc' })), ids.slice(1, 5))
  })

  t.test('other partitions are left as they are', async (t) => {
    const engine = await fresh(t, place)
    await settled(engine, 2, 'processed', 0)
    const others = await settled(engine, 2, 'processed', 1)
    await sweepAll(engine, { resultsBefore: ALL })
    t.strictSame(await logged(engine), others)
    t.equal((await all(engine, 'results', {})).length, 2)
  })

  for (const order of ['desc', 'asc'] as const)
    t.test(`a list that is read while it is swept is right, ${order}`, async (t) => {
      const engine = await fresh(t, place)
      const ids = await settled(engine, 12)
      const kept = new Set(ids.slice(8))
      const boundary = (await ended(engine, ids[8] ?? '')).position
      for (const query of [{ order }, { order, topic: 'things' }, { order, type: 'thing.happened' }]) {
        let pages = 0
        const between = async () => {
          if (++pages === 2) await sweepAll(engine, { eventsBefore: boundary, limit: 5 })
        }
        const found = idsIn(await all(engine, 'events', query, { limit: 3, between }))
        t.equal(new Set(found).size, found.length, 'nothing is doubled')
        t.strictSame(
          [...kept].filter((id) => !found.includes(id)),
          [],
          'nothing that is kept is missing',
        )
        const own = found.filter((id) => ids.includes(id))
        t.strictSame(own, order === 'asc' ? [...own].sort() : [...own].sort().reverse(), 'in order')
      }
      const results = async () => {
        let pages = 0
        const between = async () => {
          if (++pages === 2) await sweepAll(engine, { eventsBefore: boundary, resultsBefore: ALL })
        }
        return idsIn(await all(engine, 'results', { order }, { limit: 3, between }))
      }
      const found = await results()
      t.equal(new Set(found).size, found.length)
      t.strictSame(
        [...kept].filter((id) => !found.includes(id)),
        [],
      )
      t.strictSame(idsIn(await all(engine, 'results', { order: 'asc' })), [...kept])
    })

  t.test('a cursor of what was swept goes on with what is left', async (t) => {
    const engine = await fresh(t, place)
    const ids = await settled(engine, 6)
    const cursors = await Promise.all(
      (['events', 'results'] as const).map(
        async (kind) => (await engine.list(kind, { order: 'asc', limit: 3 })).nextCursor ?? '',
      ),
    )
    await sweepAll(engine, { resultsBefore: ALL })
    const later = await settled(engine, 2)
    for (const [i, kind] of (['events', 'results'] as const).entries()) {
      const page = await engine.list(kind, { order: 'asc', limit: 10, cursor: cursors[i] })
      t.strictSame(
        idsIn(page.items).filter((id) => [...ids, ...later].includes(id)),
        later,
        kind,
      )
      t.equal(page.nextCursor, null)
    }
  })

  t.test('after everything was swept, what is published comes after it', async (t) => {
    const open = await place(t)
    const first = await open({ partitions: 3 })
    await settled(first, 3)
    const { position, watermark } = await reclaim(first)
    await sweepAll(first, { resultsBefore: ALL })
    t.match(await first.claim(0, position, 10), { fresh: [], reset: false })
    t.equal((await reclaim(first)).watermark, watermark)
    await first.close()
    const second = await open()
    t.match(await second.claim(0, position, 10), { fresh: [], reset: false })
    const ids = await publish(second, 2)
    const batch = await second.claim(0, position, 10)
    t.strictSame(idsOf(batch.fresh), ids)
    t.strictSame((await reclaim(second)).fresh, batch.fresh)
    t.ok(batch.fresh.every((delivery) => delivery.position > (position ?? ALL)))
    await settleAll(second)
    t.strictSame(idsIn(await all(second, 'results', { order: 'asc' })), ids)
  })

  t.test('a resent operation is known, though its events were swept', async (t) => {
    const engine = await fresh(t, place)
    const record = key(0)
    const changes = [
      publishing(0, event(0)),
      writing(0, 'keys', null, record),
      writing(0, 'keys', record, next(record)),
    ]
    for (const change of changes) await engine.commit(change)
    await settleAll(engine)
    await sweepAll(engine, { resultsBefore: ALL })
    const before = await everything(engine)
    for (const change of changes) t.match(await engine.commit(change), { replayed: true })
    t.strictSame(await everything(engine), before)
  })

  t.test('a deleted record leaves its id taken, and nothing to read', async (t) => {
    const engine = await fresh(t, place)
    for (const kind of ['keys', 'profiles'] as const) {
      const record = kind === 'keys' ? key(0) : profile(0)
      const create = writing(0, kind, null, record)
      await engine.commit(create)
      await engine.commit(writing(0, kind, record, null))
      await settleAll(engine)
      await sweepAll(engine, { resultsBefore: ALL })
      t.equal(await engine.get(kind, record.id), null)
      t.strictSame(await all(engine, kind, {}), [])
      const before = await everything(engine)
      t.match(await engine.commit(create), { replayed: true })
      const other = { kind: 'keys' as const, before: null, after: key(0) }
      const change = { ...create, writes: [other, ...(create.writes ?? [])] }
      await t.rejects(engine.commit(change), {
        name: 'Conflict',
        expectation: { what: 'missing', id: record.id },
      })
      await t.rejects(engine.commit(writing(0, kind, record, next(record))), {
        name: 'Conflict',
        expectation: { what: 'version', id: record.id },
      })
      t.strictSame(await everything(engine), before)
    }
  })
}
