import type { Test } from 'tap'
import {
  claimed,
  done,
  event,
  everything,
  idsOf,
  key,
  next,
  type Place,
  publish,
  publishing,
  reclaim,
  retry,
  take,
  writing,
} from './fixtures.js'

export function reopening(t: Test, place: Place): void {
  t.test('closing and opening again keeps everything', async (t) => {
    const open = await place(t)
    const first = await open({ partitions: 3 })
    const record = key(0)
    const create = writing(0, 'keys', null, record)
    await first.commit(create)
    const update = writing(0, 'keys', record, next(record))
    await first.commit(update)
    await publish(first, 6)
    await first.swap(0, { name: 'n', from: null, to: 'v', ttlMs: 60_000 })
    const token = await take(first)
    const { fresh: deliveries } = await reclaim(first)
    await first.settle(
      0,
      token,
      deliveries.slice(1, 7).map((delivery, i) => {
        if (i === 0) return done(delivery, { status: 'dead' })
        return i % 2 === 0 ? done(delivery) : retry(delivery, 0)
      }),
    )
    const before = await everything(first)
    const { layout } = first
    await first.close()

    const second = await open()
    t.strictSame(second.layout, layout)
    t.strictSame(await everything(second), before)
    t.equal(await claimed(second, 0, 'n'), 'v')
    t.match(await second.commit(create), { replayed: true })
    t.match(await second.commit(update), { replayed: true })

    const [later] = await publish(second, 1)
    const { fresh: found, position } = await reclaim(second)
    t.equal(idsOf(found).at(-1), later, 'what comes after is after')
    t.ok((position ?? '') > (deliveries.at(-1)?.position ?? ''))
    const again = await take(second)
    const { due } = await reclaim(second)
    const verdicts = await second.settle(
      0,
      again,
      [...found, ...due].map((delivery) => done(delivery)),
    )
    t.same(new Set(verdicts), new Set(['settled']))
    t.equal((await second.stats()).oldestUnfinishedAt, null)
  })

  t.test('closing waits for what is in hand', async (t) => {
    const open = await place(t)
    const first = await open({ partitions: 3 })
    const changes = Array.from({ length: 20 }, (_, i) => publishing(i, event(i)))
    const commits = changes.map((change) => first.commit(change))
    const closed = first.close()
    const outcomes = await Promise.allSettled(commits)
    await closed
    const second = await open()
    for (const [i, { status }] of outcomes.entries()) {
      t.equal(status, 'fulfilled')
      t.ok(await second.get('events', changes[i]?.events?.[0]?.id ?? ''))
    }
  })

  t.test('an engine that is closed does nothing', async (t) => {
    const open = await place(t)
    const engine = await open({ partitions: 3 })
    await engine.close()
    await t.rejects(engine.commit(publishing(0, event(0))), { name: 'Unavailable' })
    await t.rejects(engine.claim(0, null, 1), { name: 'Unavailable' })
    await t.rejects(engine.get('keys', key(0).id), { name: 'Unavailable' })
    await t.rejects(engine.list('events', { limit: 1 }), { name: 'Unavailable' })
    await t.rejects(engine.stats(), { name: 'Unavailable' })
  })
}
