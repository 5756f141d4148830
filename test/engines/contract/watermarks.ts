import type { Test } from 'tap'
import type { Delivery, Settlement } from '../../../src/engines/engine.js'
import {
  ALL,
  done,
  event,
  fresh,
  idsOf,
  NONE,
  type Place,
  publish,
  publishing,
  reclaim,
  retry,
  settled,
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

  t.test('a claim tells how far everything is settled or in the open set', async (t) => {
    const engine = await fresh(t, place)
    t.equal((await reclaim(engine)).watermark, null)
    await publish(engine, 4)
    const { fresh: deliveries, watermark } = await reclaim(engine)
    t.equal(watermark, null)
    const token = await take(engine)
    const settle = async (i: number, settlement: (delivery: Delivery) => Settlement) => {
      const delivery = deliveries[i]
      if (delivery === undefined) throw new Error('four were published')
      await engine.settle(0, token, [settlement(delivery)])
      const { watermark } = await reclaim(engine)
      return deliveries.findIndex(({ position }) => position === watermark)
    }
    t.equal(await settle(1, done), -1)
    t.equal(await settle(0, done), 1)
    t.equal(await settle(2, (delivery) => retry(delivery, 60_000)), 2)
    t.equal(await settle(3, done), 3)
    t.equal((await reclaim(engine, 1)).watermark, null, 'of its partition')
  })

  t.test('a claim from beyond the end of the log starts again at the watermark, and says so', async (t) => {
    const engine = await fresh(t, place)
    t.match(await engine.claim(0, NONE, 10), { fresh: [], reset: false })
    t.match(await engine.claim(0, ALL, 10), { fresh: [], position: null, reset: true })
    await settled(engine, 2)
    const ids = await publish(engine, 3)
    const lost = await engine.claim(0, ALL, 2)
    t.strictSame(idsOf(lost.fresh), ids.slice(0, 2))
    t.strictSame([lost.reset, lost.position], [true, lost.fresh[1]?.position])
    const last = await engine.claim(0, lost.position, 10)
    t.strictSame([idsOf(last.fresh), last.reset], [ids.slice(2), false])
    t.match(await engine.claim(0, last.position, 10), { fresh: [], position: last.position, reset: false })
    t.equal((await engine.claim(0, null, 10)).reset, false)
    t.strictSame(
      idsOf((await engine.claim(0, NONE, 10)).fresh),
      ids,
      'and one from the beginning reads it all',
    )
  })

  t.test('partitions do not see each other', async (t) => {
    const engine = await fresh(t, place)
    const ids = await Promise.all([0, 1, 2].map((placement) => publish(engine, 2, placement)))
    for (const partition of [0, 1, 2])
      t.strictSame(idsOf((await reclaim(engine, partition)).fresh), ids[partition])
  })
}
