import type { Test } from 'tap'
import t from 'tap'
import { isConserved } from '../../../src/domain/counters.js'
import type { Engine, Swept } from '../../../src/engines/engine.js'
import { timeAt } from '../../../src/engines/positions.js'
import { partitionKeys } from '../../../src/engines/redis/keys.js'
import { type RedisServer, redisInstalled, redisServer } from '../../redis-server.js'
import {
  ALL,
  done,
  ended,
  event,
  NONE,
  publish,
  publishing,
  reclaim,
  reopening,
  retry,
  settled,
  sweepAll,
} from '../contract/fixtures.js'
import { open, take } from './fixtures.js'

const keys = partitionKeys(0)

/** Looks for what was lost without taking anything away; several calls, if it needs them. */
async function look(engine: Engine): Promise<Pick<Swept, 'lost' | 'stray'>> {
  const all: Swept['lost'] = []
  for (;;) {
    const swept = await engine.sweep(0, { eventsBefore: NONE, resultsBefore: NONE, limit: 100 })
    all.push(...swept.lost)
    if (!swept.more) return { lost: all, stray: swept.stray }
  }
}

const publishMany = (engine: Engine, count: number) =>
  engine.commit(publishing(0, ...Array.from({ length: count }, () => event(0))))

async function begin(t: Test, server: RedisServer) {
  await server.client.flushall()
  const engine = await open(t, server.url, { partitions: 1 })
  const { token } = await take(engine)
  return { engine, token }
}

if (redisInstalled(t)) {
  const server = await redisServer(t)
  const { client } = server
  const outside = () => client.hget(keys.swept, ' outside')

  const ways = {
    'a log that was trimmed': () => client.xtrim(keys.log, 'MAXLEN', 1),
    'a log that was deleted': () => client.del(keys.log),
  }
  for (const [what, damage] of Object.entries(ways))
    t.test(`${what}: its unfinished events are told, and settled as dead`, async (t) => {
      const { engine, token } = await begin(t, server)
      const ids = [
        ...(await publish(engine, 1, 0, { subject: 'keys/1' })),
        ...(await publish(engine, 1, 0, { topic: 'others', type: 'other.thing\u00e9' })),
        ...(await publish(engine, 3)),
      ]
      const { fresh } = await reclaim(engine)
      const [first, second, third, fourth] = fresh
      if (!first || !second || !third || !fourth) throw new Error('five were published')
      await engine.settle(0, token, [done(third), done(fourth, { status: 'dead' }), retry(second, 60_000)])
      const waiting = (await engine.get('traces', second.event.id))?.history
      const { topics } = await engine.stats()
      const kept = (await damage()) === 4 ? 1 : 0

      const { lost, stray } = await look(engine)
      lost.sort((a, b) => (a.position < b.position ? -1 : 1))
      t.equal(stray, false)
      const known = (delivery: typeof first) => ({
        ...delivery,
        event: { ...delivery.event, source: '/keypost', data: undefined, time: timeAt(delivery.position) },
      })
      const last = kept === 1 ? [] : fresh.slice(4).map(known)
      t.strictSame(lost, [known(first), { ...known(second), history: waiting, revision: 1 }, ...last])
      t.strictSame((await engine.stats()).topics, topics, 'looking changes no counter')
      t.equal((await look(engine)).lost.length, lost.length, 'they are told until they are settled')

      const verdicts = await engine.settle(
        0,
        token,
        lost.map((delivery) => done(delivery, { status: 'dead' })),
      )
      t.strictSame(new Set(verdicts), new Set(['settled']))
      for (const { event } of lost) {
        t.match(await engine.get('results', event.id), { status: 'dead', type: event.type })
        t.equal(await engine.get('traces', event.id), null)
      }
      const bySubject = await engine.list('results', { subject: 'keys/1', limit: 10 })
      t.strictSame(
        bySubject.items.map(({ id }) => id),
        [ids[0]],
      )
      const after = (await engine.stats()).topics
      t.ok(isConserved(after))
      t.match(after, {
        others: { dead: 1, retrying: 0 },
        things: { pending: kept, dead: 3 - kept },
      })
      t.equal(await client.zcard(keys.due), 0)

      t.strictSame((await look(engine)).lost, [])
      t.equal(Number(await outside()), 5 - kept)
      t.equal(await client.hlen(keys.events), kept)
      t.equal(await client.hlen(keys.history), 0)
      t.equal(await client.zcard(keys.logIndex), 2 * kept)
      await look(engine)
      t.equal(Number(await outside()), 5 - kept, 'and accounted for once')

      const [later] = await publish(engine, 1)
      t.equal((await reclaim(engine)).fresh.at(-1)?.event.id, later, 'what comes after is handled')
    })

  t.test('a search that takes many steps finds each once', async (t) => {
    const { engine, token } = await begin(t, server)
    await publishMany(engine, 3000)
    await client.xtrim(keys.log, 'MAXLEN', 100)
    const { lost } = await look(engine)
    t.equal(lost.length, 2900)
    t.equal(new Set(lost.map(({ event }) => event.id)).size, 2900)
    const settlements = lost.map((delivery) => done(delivery, { status: 'dead' }))
    await engine.settle(0, token, settlements)
    await look(engine)
    t.equal(await outside(), '2900')
    t.equal((await reclaim(engine)).fresh.length, 100)
  })

  t.test('an event whose entry was taken out is not reopened', async (t) => {
    const { engine } = await begin(t, server)
    const [id = ''] = await settled(engine, 1, 'dead')
    const request = reopening(await ended(engine, id), 'redrive')
    await client.xtrim(keys.log, 'MAXLEN', 0)
    t.equal(await engine.reopen(request), 'conflict')
    t.match((await engine.stats()).topics.things, { dead: 1, pending: 0 })
  })

  t.test('what was taken out is not counted as swept when its result goes', async (t) => {
    const { engine } = await begin(t, server)
    await settled(engine, 1, 'dead')
    await settled(engine, 1)
    await client.del(keys.log)
    t.match(await sweepAll(engine, { resultsBefore: ALL }), { results: 0 }, 'first it is accounted for')
    t.strictSame(await sweepAll(engine, { resultsBefore: ALL }), { events: 0, results: 2 })
    t.strictSame(await client.hgetall(keys.swept), {
      ' outside': '2',
      'processing_results events': '2',
      'things dead': '1',
      'things processed': '1',
    })
  })

  t.test('a partition that lost everything is searched for nothing', async (t) => {
    const { engine } = await begin(t, server)
    await publish(engine, 3)
    const { position } = await reclaim(engine)
    await client.flushall()
    t.strictSame(await look(engine), { lost: [], stray: false })
    t.match(await engine.claim(0, position, 10), { fresh: [], position: null, watermark: null, reset: true })
    t.match(await engine.claim(0, null, 10), { reset: false })
  })

  t.test('a search ends where there is nothing to be found any more', async (t) => {
    const { engine } = await begin(t, server)
    await publishMany(engine, 2000)
    await client.del(keys.log)
    const retention = { eventsBefore: NONE, resultsBefore: NONE, limit: 10 }
    t.equal((await engine.sweep(0, retention)).more, true)
    await client.flushall()
    t.match(await engine.sweep(0, retention), { more: false, lost: [] })
  })

  t.test('a log that ends before the position in hand is read from the watermark', async (t) => {
    const { engine, token } = await begin(t, server)
    await publish(engine, 2)
    const { fresh } = await reclaim(engine)
    await engine.settle(
      0,
      token,
      fresh.slice(0, 1).map((delivery) => done(delivery)),
    )
    const beyond = '9000000000000-00000000'
    t.match(await engine.claim(0, beyond, 10), {
      fresh: fresh.slice(1),
      position: fresh[1]?.position,
      watermark: fresh[0]?.position,
      reset: true,
    })
  })

  t.test('events whose open set was deleted are astray, and found from the beginning', async (t) => {
    const { engine, token } = await begin(t, server)
    await publish(engine, 4)
    const { fresh } = await reclaim(engine)
    const [first, second] = fresh
    if (!first || !second) throw new Error('four were published')
    await engine.settle(0, token, [retry(first, 0), retry(second, 60_000)])
    t.equal((await look(engine)).stray, false)
    await client.del(keys.due, keys.openOrder)
    t.equal((await look(engine)).stray, true)
    const found = await engine.claim(0, NONE, 10)
    t.strictSame(
      found.fresh.map(({ event, revision }) => [event.id, revision]),
      fresh.map(({ event }, i) => [event.id, i < 2 ? 1 : 0]),
    )
    const verdicts = await engine.settle(
      0,
      token,
      found.fresh.map((delivery) => done(delivery)),
    )
    t.strictSame(verdicts, Array(4).fill('settled'))
    t.equal((await look(engine)).stray, false)
    t.match((await engine.stats()).topics.things, { processed: 4, pending: 0, retrying: 0 })
  })

  t.test('a watermark that was deleted costs nothing but reading', async (t) => {
    const { engine, token } = await begin(t, server)
    await publish(engine, 3)
    const { fresh } = await reclaim(engine)
    const [first, second] = fresh
    if (!first || !second) throw new Error('three were published')
    await engine.settle(0, token, [done(first), retry(second, 60_000)])
    await client.del(keys.watermark)
    t.strictSame(await look(engine), { lost: [], stray: false })
    const batch = await reclaim(engine)
    t.strictSame(batch.fresh, fresh.slice(2))
    t.equal(batch.watermark, null)
    await engine.settle(0, token, [])
    t.equal((await reclaim(engine)).watermark, second.position)
  })
}
