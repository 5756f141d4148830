import type { Test } from 'tap'
import {
  done,
  event,
  fresh,
  idsOf,
  type Place,
  publish,
  publishing,
  reclaim,
  retry,
  take,
} from './fixtures.js'

export function watermarks(t: Test, place: Place): void {
  t.test('claiming only reads: it finds the same again', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 5)
    const first = await reclaim(engine)
    t.equal(first.fresh.length, 5)
    t.strictSame(await reclaim(engine), first)
  })

  t.test('a claim reads at most `limit`, and goes on after its position', async (t) => {
    const engine = await fresh(t, place)
    const ids = await publish(engine, 5)
    const first = await engine.claim(0, null, 2)
    t.strictSame(idsOf(first.fresh), ids.slice(0, 2))
    t.equal(first.position, first.fresh[1]?.position)
    const second = await engine.claim(0, first.position, 2)
    t.strictSame(idsOf(second.fresh), ids.slice(2, 4))
    const third = await engine.claim(0, second.position, 2)
    t.strictSame(idsOf(third.fresh), ids.slice(4))
    t.strictSame((await engine.claim(0, third.position, 2)).fresh, [])
    const [more] = await publish(engine, 1)
    t.strictSame(idsOf((await engine.claim(0, third.position, 2)).fresh), [more])
  })

  t.test('a claim gets past what is finished to what is not', async (t) => {
    const engine = await fresh(t, place)
    const ids = await publish(engine, 6)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    await engine.settle(
      0,
      token,
      deliveries.slice(1, 5).map((delivery) => done(delivery)),
    )
    const found: string[] = []
    let position: string | null = null
    for (let i = 0; i < 3; i++) {
      const batch = await engine.claim(0, position, 2)
      found.push(...idsOf(batch.fresh))
      position = batch.position
    }
    t.strictSame(found, [ids[0], ids[5]])
  })

  t.test('the watermark never passes an unfinished event', async (t) => {
    const engine = await fresh(t, place)
    const ids = await publish(engine, 8)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    const unfinished = new Set(ids)
    for (const i of [7, 3, 1, 2, 6, 0, 5, 4]) {
      const delivery = deliveries[i]
      if (delivery === undefined) throw new Error('eight were published')
      await engine.settle(0, token, [done(delivery)])
      unfinished.delete(delivery.event.id)
      await take(engine, 1) // another partition's lease is nothing to this one
      t.strictSame(idsOf((await reclaim(engine)).fresh), [...unfinished])
    }
    t.strictSame(idsOf((await engine.claim(0, null, 1)).fresh), [])
    const [last] = await publish(engine, 1)
    t.strictSame(idsOf((await engine.claim(0, null, 1)).fresh), [last], 'and now it is past them all')
  })

  t.test('the watermark passes what waits for a retry', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 10)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    await engine.settle(
      0,
      token,
      deliveries.map((delivery) => retry(delivery, 60_000)),
    )
    const [last] = await publish(engine, 1)
    t.strictSame(idsOf((await engine.claim(0, null, 1)).fresh), [last])
  })

  t.test('the events of a subject are read in the order in which they were published', async (t) => {
    const engine = await fresh(t, place)
    const order: string[] = []
    for (let i = 0; i < 30; i++) {
      const one = event(0, { subject: `s${i % 3}` })
      order.push(one.id)
      await engine.commit(publishing(0, one, ...(i % 5 === 0 ? [event(0)] : [])))
    }
    const { fresh: deliveries } = await reclaim(engine)
    t.strictSame(
      deliveries.flatMap(({ event }) => (event.subject === undefined ? [] : [event.id])),
      order,
    )
    const positions = deliveries.map(({ position }) => position)
    t.strictSame(positions, [...new Set(positions)].sort(), 'positions only grow')
  })

  t.test('partitions do not see each other', async (t) => {
    const engine = await fresh(t, place)
    const ids = await Promise.all([0, 1, 2].map((placement) => publish(engine, 2, placement)))
    for (const partition of [0, 1, 2])
      t.strictSame(idsOf((await reclaim(engine, partition)).fresh), ids[partition])
  })
}
