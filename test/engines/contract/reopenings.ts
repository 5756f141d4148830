import type { Test } from 'tap'
import { isConserved } from '../../../src/domain/counters.js'
import type { Engine } from '../../../src/engines/engine.js'
import { until } from '../../until.js'
import {
  all,
  claimed,
  done,
  ended,
  everything,
  fresh,
  idsOf,
  only,
  type Place,
  publish,
  reclaim,
  reopen,
  reopening,
  retry,
  settleAll,
  settled,
  take,
} from './fixtures.js'

async function counted(t: Test, engine: Engine, expected: object): Promise<void> {
  const { topics } = await engine.stats()
  const zero = { processed: 0, dead: 0, pending: 0, retrying: 0, discarded: 0 }
  t.match(topics.things, { ...zero, ...expected })
  t.ok(isConserved(topics))
}

const ways = [
  { how: 'redrive', status: 'dead' },
  { how: 'replay', status: 'processed' },
  { how: 'discard', status: 'dead' },
] as const

export function reopenings(t: Test, place: Place): void {
  for (const { how, status } of ways.slice(0, 2))
    t.test(`${how}: the event is due again, and its new result replaces the old one`, async (t) => {
      const engine = await fresh(t, place)
      const [id = ''] = await settled(engine, 1, status)
      const old = await ended(engine, id)
      await counted(t, engine, { published: 1, [status]: 1 })

      const request = reopening(old, how)
      t.equal(await engine.reopen(request), 'reopened')
      await counted(t, engine, { published: 1, pending: 1 })
      t.equal((await engine.stats()).oldestUnfinishedAt, old.event.time)
      t.equal(await engine.get('results', id), null)
      const batch = await reclaim(engine)
      t.strictSame(batch.fresh, [])
      t.strictSame(batch.due, [
        {
          event: old.event,
          position: old.position,
          history: [...old.history, request.entry],
          revision: old.revision + 1,
        },
      ])

      await settleAll(engine)
      await counted(t, engine, { published: 1, processed: 1 })
      const { ended: end, history } = await ended(engine, id)
      t.match(end.result, { status: 'processed', attempts: 1, replaces: old.ended.announcement })
      t.not(end.announcement, old.ended.announcement)
      t.strictSame(history, batch.due[0]?.history)
      t.strictSame(await engine.get('results', id), end.result)
      t.match((await engine.stats()).topics.processing_results, { published: 2 })
      t.equal((await engine.stats()).oldestUnfinishedAt, null)
    })

  for (const { how, status } of ways.slice(0, 2))
    t.test(`${how}: lists of results hide what was replaced, lists of events do not`, async (t) => {
      const engine = await fresh(t, place)
      const ids = await settled(engine, 3, status)
      const [first = '', second = ''] = ids
      const old = (await ended(engine, first)).ended.announcement
      const { data } = (await engine.get('events', old)) ?? {}
      await reopen(engine, first, how)
      const shown = async (query = {}) => (await all(engine, 'results', query)).map(({ id }) => id).sort()
      const others = ids.slice(1).sort()
      for (const query of [{}, { topic: 'things' }, { type: 'thing.happened', status }, { order: 'asc' }])
        t.strictSame(await shown(query), others, JSON.stringify(query))

      await settleAll(engine)
      t.strictSame(await shown(), [...ids].sort(), 'it is there again, once')
      const announced = await all(engine, 'events', { topic: 'processing_results', order: 'asc' })
      const now = (await ended(engine, first)).ended.announcement
      t.equal(announced.length, 4)
      t.strictSame([announced[0]?.id, announced[3]?.id], [old, now])
      t.strictSame(announced[0]?.data, data, 'the one that was replaced is as it was')
      t.strictSame((await engine.get('events', old))?.data, data)
      t.ok(await engine.get('results', second))
    })

  t.test('pages of a list go on past what is hidden', async (t) => {
    const engine = await fresh(t, place)
    const ids = await settled(engine, 30, 'dead')
    for (const [i, id] of ids.entries())
      if (i % 10 !== 0) await reopen(engine, id, i % 2 === 0 ? 'redrive' : 'discard')
    for (const order of ['asc', 'desc'] as const) {
      const query = { topic: 'things', status: 'dead', discarded: false, order } as const
      const found = (await all(engine, 'results', query, { limit: 2 })).map(({ id }) => id)
      const expected = ids.filter((_, i) => i % 10 === 0)
      t.strictSame(found, order === 'asc' ? expected : expected.reverse())
    }
  })

  t.test('discard: a dead letter is one no more, and still counted as dead', async (t) => {
    const engine = await fresh(t, place)
    const [id = '', other = ''] = await settled(engine, 2, 'dead')
    const before = await ended(engine, id)
    t.equal(await engine.reopen(reopening(before, 'discard')), 'reopened')
    await counted(t, engine, { published: 2, dead: 2, discarded: 1 })
    t.strictSame(await ended(engine, id), { ...before, ended: { ...before.ended, discarded: true } })
    t.strictSame(await engine.get('results', id), before.ended.result)
    for (const query of [{}, { status: 'dead' as const }, { topic: 'things' }]) {
      t.equal((await all(engine, 'results', query)).length, 2)
      const left = await all(engine, 'results', { ...query, discarded: false })
      t.strictSame(
        left.map(({ id }) => id),
        [other],
      )
    }
    t.match(await reclaim(engine), { fresh: [], due: [], nextDueInMs: null })
    t.equal((await all(engine, 'events', { type: 'event.dead' })).length, 2)

    const now = await everything(engine)
    for (const how of ['redrive', 'discard'] as const)
      for (const trace of [before, await ended(engine, id)])
        t.equal(await engine.reopen(reopening(trace, how)), 'conflict', 'it cannot be done again')
    t.strictSame(await everything(engine), now)
  })

  for (const { how, status } of ways)
    t.test(`${how}: sending it again changes nothing`, async (t) => {
      const engine = await fresh(t, place)
      const [id = ''] = await settled(engine, 1, status)
      const request = reopening(await ended(engine, id), how)
      const answers = await Promise.all(Array.from({ length: 5 }, () => engine.reopen(request)))
      t.strictSame(answers.sort(), ['reopened', ...Array(4).fill('replayed')].sort(), 'at once')
      t.equal(await claimed(engine, 0, `op:${request.operationId}`), 'done')
      if (how !== 'discard') await settleAll(engine, status)
      const before = await everything(engine)
      t.equal(await engine.reopen(request), 'replayed', 'after the event has another result, too')
      t.strictSame(await everything(engine), before)
    })

  for (const { how, status } of ways)
    t.test(`${how}: of several operations on one event at once, one wins`, async (t) => {
      const engine = await fresh(t, place)
      const [id = ''] = await settled(engine, 1, status)
      const trace = await ended(engine, id)
      const answers = await Promise.all(Array.from({ length: 5 }, () => engine.reopen(reopening(trace, how))))
      t.strictSame(answers.sort(), [...Array(4).fill('conflict'), 'reopened'])
      const { dead = 0, discarded = 0, pending = 0 } = (await engine.stats()).topics.things ?? {}
      t.strictSame([pending, dead, discarded], how === 'discard' ? [0, 1, 1] : [1, 0, 0])
    })

  t.test('an event that is not as its trace says is left as it is', async (t) => {
    const engine = await fresh(t, place)
    const [dead = '', again = ''] = await settled(engine, 2, 'dead')
    const [processed = ''] = await settled(engine, 1)
    const stale = await ended(engine, again)
    await reopen(engine, again, 'redrive')
    const cases = {
      'a processed one is redriven': reopening(await ended(engine, processed), 'redrive'),
      'a processed one is discarded': reopening(await ended(engine, processed), 'discard'),
      'a dead one is replayed': reopening(await ended(engine, dead), 'replay'),
      'it is unfinished': reopening(stale, 'redrive'),
      'it has another history': reopening({ ...(await ended(engine, dead)), revision: 7 }, 'redrive'),
    }
    const refuse = async () => {
      const before = await everything(engine)
      for (const [reason, request] of Object.entries(cases))
        t.equal(await engine.reopen(request), 'conflict', reason)
      t.strictSame(await everything(engine), before)
    }
    await refuse()
    await settleAll(engine, 'dead')
    await refuse() // by now what was unfinished has another result
    const now = await ended(engine, again)
    const other = { ...now, ended: { ...now.ended, announcement: stale.ended.announcement } }
    t.equal(await engine.reopen(reopening(other, 'redrive')), 'conflict', 'it is the result that counts')
    t.equal(await engine.reopen(reopening(now, 'redrive')), 'reopened', 'as it is, it can be')
  })

  t.test('a reopening that was aborted never takes place', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await settled(engine, 1, 'dead')
    const request = reopening(await ended(engine, id), 'redrive')
    await engine.swap(0, { name: `op:${request.operationId}`, from: null, to: 'aborted' })
    const before = await everything(engine)
    t.equal(await engine.reopen(request), 'conflict')
    t.strictSame(await everything(engine), before)
  })

  t.test('a delivery from before a reopening cannot settle what came after', async (t) => {
    const engine = await fresh(t, place)
    for (const { how, status } of ways.slice(0, 2)) {
      const [id = ''] = await publish(engine, 1)
      const token = await take(engine)
      const outdated = await only(engine)
      await engine.settle(0, token, [done(outdated, { status })])
      await reopen(engine, id, how)
      const before = await everything(engine)
      for (const settlement of [done(outdated), done(outdated, { status: 'dead' }), retry(outdated, 0)])
        t.strictSame(await engine.settle(0, token, [settlement]), ['already'])
      t.strictSame(await everything(engine), before)
      await settleAll(engine)
    }
  })

  t.test('a redriven event fails, waits and dies like a new one, and can be redriven again', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await publish(engine, 1)
    const token = await take(engine)
    const announcements: string[] = []
    for (const round of [1, 2, 3]) {
      await engine.settle(0, token, [retry(await only(engine), 0)])
      await counted(t, engine, { published: 1, retrying: 1 })
      await engine.settle(0, token, [retry(await only(engine), 0)])
      await counted(t, engine, { published: 1, retrying: 1 })
      const delivery = await only(engine)
      t.equal(delivery.history.length, round * 4 - 2)
      await engine.settle(0, token, [done(delivery, { status: 'dead' })])
      await counted(t, engine, { published: 1, dead: 1 })
      const { ended: end } = await ended(engine, id)
      t.match(end.result, { attempts: 3, replaces: announcements.at(-1) ?? null })
      announcements.push(end.announcement)
      await reopen(engine, id, 'redrive')
      await counted(t, engine, { published: 1, pending: 1 })
    }
    const announced = await all(engine, 'events', { type: 'event.dead', order: 'asc' })
    t.strictSame(
      announced.map(({ id }) => id),
      announcements,
    )
    t.strictSame(await all(engine, 'results', {}), [])
  })

  t.test('a reopened event is due wherever the watermark is, and never fresh', async (t) => {
    const open = await place(t)
    const engine = await open({ partitions: 3 })
    const ids = await publish(engine, 4)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    const settle = (...some: number[]) =>
      engine.settle(
        0,
        token,
        deliveries.filter((_, i) => some.includes(i)).map((delivery) => done(delivery, { status: 'dead' })),
      )
    const [first = '', second = '', third = '', fourth = ''] = ids
    await settle(0, 2) // the second holds the watermark
    for (const id of [third, first]) await reopen(engine, id, 'redrive')
    const found = async (of: Engine) => {
      const { fresh: found, due } = await reclaim(of)
      return [idsOf(found), idsOf(due).sort()]
    }
    t.strictSame(await found(engine), [[second, fourth], [first, third].sort()])
    await settle(1, 3) // and now it passes them all
    t.strictSame(await found(engine), [[], [first, third].sort()])
    await engine.close()
    t.strictSame(await found(await open()), [[], [first, third].sort()], 'also for a new process')
  })

  t.test('a reopening wakes those who watch', async (t) => {
    const engine = await fresh(t, place)
    const woken: number[] = []
    engine.watch((partition) => woken.push(partition))
    const [id = ''] = await settled(engine, 1, 'dead', 1)
    // Whoever listens over a connection hears nothing until that is there.
    await until(async () => {
      await publish(engine, 1, 2)
      return woken.includes(2)
    })
    const before = woken.filter((partition) => partition === 1).length
    await reopen(engine, id, 'redrive')
    await until(() => woken.filter((partition) => partition === 1).length > before)
    t.pass()
  })
}
