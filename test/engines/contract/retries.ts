import type { Test } from 'tap'
import { until } from '../../until.js'
import {
  done,
  everything,
  fresh,
  idsOf,
  only,
  type Place,
  publish,
  reclaim,
  retry,
  take,
} from './fixtures.js'

export function retries(t: Test, place: Place): void {
  t.test('a retry comes back when it is due, with its history, and not in the log', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 1)
    const token = await take(engine)
    const first = await only(engine)
    t.strictSame([first.history, first.revision], [[], 0])
    const failed = retry(first, 0)
    t.strictSame(await engine.settle(0, token, [failed]), ['settled'])
    const batch = await reclaim(engine)
    t.strictSame(batch.fresh, [])
    t.strictSame(batch.due, [{ ...first, history: [failed.entry], revision: 1 }])

    const [second] = batch.due
    if (second === undefined) throw new Error('it was due')
    await engine.settle(0, token, [retry(second, 0)])
    t.equal((await only(engine)).history.length, 2)
  })

  t.test('a retry that is not due waits, and says for how long', async (t) => {
    const engine = await fresh(t, place)
    t.equal((await reclaim(engine)).nextDueInMs, null)
    await publish(engine, 2)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    await engine.settle(
      0,
      token,
      deliveries.map((delivery, i) => retry(delivery, i === 0 ? 60_000 : 30_000)),
    )
    const { fresh: found, due, nextDueInMs } = await reclaim(engine)
    t.strictSame([found, due], [[], []])
    t.ok(nextDueInMs !== null && nextDueInMs > 20_000 && nextDueInMs <= 30_000, 'of the one due first')
    t.strictSame((await reclaim(engine, 1)).nextDueInMs, null, 'of that partition alone')
  })

  t.test('a retry that is due later than any can be is due: the clock was set back', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 3)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    const delays = [3_600_000, 50_000, 3_600_000]
    const settlements = deliveries.map((delivery, i) => retry(delivery, delays[i] ?? 0))
    await engine.settle(0, token, settlements)
    const { due, nextDueInMs } = await engine.claim(0, null, 10, 60_000)
    const beyond = [deliveries[0], deliveries[2]].map((delivery) => delivery?.event.id)
    t.strictSame(due.map(({ event }) => event.id).sort(), beyond.sort())
    t.ok(nextDueInMs !== null && nextDueInMs > 40_000 && nextDueInMs <= 50_000)
    t.equal((await engine.claim(0, null, 1, 60_000)).due.length, 1)
    t.strictSame((await reclaim(engine)).due, [])
  })

  t.test('a retry becomes due as time passes', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 1)
    const token = await take(engine)
    await engine.settle(0, token, [retry(await only(engine), 50)])
    await until(async () => (await reclaim(engine)).due.length === 1)
  })

  t.test('those due come in the order of their time, at most `limit`', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 3)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    for (const delivery of [...deliveries].reverse()) {
      await engine.settle(0, token, [retry(delivery, 0)])
      const since = Date.now()
      await until(() => Date.now() > since)
    }
    const ids = idsOf(deliveries).reverse()
    t.strictSame(idsOf((await engine.claim(0, null, 10)).due), ids)
    const some = await engine.claim(0, null, 2)
    t.strictSame(idsOf(some.due), ids.slice(0, 2))
    t.equal(some.nextDueInMs, 0, 'there is more to have at once')
  })

  t.test('counters follow an event from pending to retrying to its result', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 2)
    const token = await take(engine)
    const counted = async () => (await engine.stats()).topics.things
    const first = (await reclaim(engine)).fresh
    await engine.settle(
      0,
      token,
      first.map((delivery) => retry(delivery, 0)),
    )
    t.match(await counted(), { published: 2, pending: 0, retrying: 2 })
    const second = (await reclaim(engine)).due
    await engine.settle(
      0,
      token,
      second.map((delivery) => retry(delivery, 0)),
    )
    t.match(await counted(), { published: 2, pending: 0, retrying: 2 }, 'a second retry is counted once')
    const third = (await reclaim(engine)).due
    await engine.settle(
      0,
      token,
      third.map((delivery, i) => done(delivery, { status: i === 0 ? 'processed' : 'dead' })),
    )
    t.match(await counted(), { published: 2, pending: 0, retrying: 0, processed: 1, dead: 1 })
    t.strictSame((await reclaim(engine)).due, [])
    t.equal((await engine.stats()).oldestUnfinishedAt, null)
  })

  t.test('an attempt that is recorded already is not recorded again', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 1)
    const token = await take(engine)
    const delivery = await only(engine)
    await engine.settle(0, token, [retry(delivery, 60_000)])
    const before = await everything(engine)
    t.strictSame(await engine.settle(0, token, [retry(delivery, 0)]), ['already'])
    t.strictSame(await engine.settle(0, token, [done(delivery)]), ['already'], 'nor ended by it')
    t.strictSame(await everything(engine), before)
  })

  t.test('a dead event has its result, its error and its announcement', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 1, 0, { subject: 's' })
    const token = await take(engine)
    const delivery = await only(engine)
    await engine.settle(0, token, [done(delivery, { status: 'dead' })])
    const result = await engine.get('results', delivery.event.id)
    t.match(result, { status: 'dead', outcome: null, error: { code: 'broken' } })
    const { items } = await engine.list('events', { type: 'event.dead', limit: 10 })
    t.strictSame(
      items.map(({ data, subject }) => ({ data, subject })),
      [{ data: result, subject: 's' }],
    )
  })
}
