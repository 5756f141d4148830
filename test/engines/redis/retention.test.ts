import t from 'tap'
import type { Engine } from '../../../src/engines/engine.js'
import { partitionKeys } from '../../../src/engines/redis/keys.js'
import { redisInstalled, redisServer } from '../../redis-server.js'
import { until } from '../../until.js'
import { ALL, NONE, reopen, settled, sweepAll } from '../contract/fixtures.js'
import { creation, open } from './fixtures.js'

const keys = partitionKeys(0)

if (redisInstalled(t)) {
  const server = await redisServer(t)
  const { client } = server
  const begin = async (): Promise<Engine> => {
    await client.flushall()
    return open(t, server.url, { partitions: 1 })
  }

  t.test('of what was swept nothing is left but numbers that add up', async (t) => {
    const engine = await begin()
    const processedIds = await settled(engine, 3)
    const [dead = '', discarded = '', redriven = ''] = await settled(engine, 3, 'dead')
    await reopen(engine, discarded, 'discard')
    for (const id of [redriven, processedIds[0] ?? ''])
      await reopen(engine, id, redriven === id ? 'redrive' : 'replay')
    await settled(engine, 1)
    t.ok(await engine.get('results', dead))
    const { topics } = await engine.stats()
    await sweepAll(engine, { resultsBefore: ALL })

    const { things, processing_results: results } = topics
    t.strictSame(Object.fromEntries(Object.entries(await client.hgetall(keys.swept)).sort()), {
      'processing_results events': String(results?.published),
      'things dead': String(things?.dead),
      'things events': String(things?.published),
      'things processed': String(things?.processed),
    })
    t.strictSame((await engine.stats()).topics, topics)
    for (const stream of [keys.log, keys.results]) t.equal(await client.xlen(stream), 0)
    const gone = [
      ...[keys.events, keys.logIndex, keys.resultOf, keys.resultIndex, keys.announcements],
      ...[keys.history, keys.marks, keys.due, keys.openOrder],
    ]
    t.equal(await client.exists(gone), 0)
  })

  t.test('operations and ids of deleted records are forgotten in time', async (t) => {
    const engine = await begin()
    const { change, record } = creation('things')
    await engine.commit(change)
    const operationId = record.id
    await engine.commit({
      ...{ operationId, operationTtlMs: 1, placement: 0 },
      writes: [{ kind: 'profiles', before: record, after: null }],
    })
    t.equal(await client.hlen(keys.profiles), 0)
    const [tombstone, expiry] = await client.zrange(keys.claimExpiries, '-1', '-1', 'WITHSCORES')
    t.equal(tombstone, `gone:${record.id}`)
    t.ok(Math.abs(Number(expiry) - Date.now() - 25 * 3_600_000) < 60_000)
    await until(async () => {
      await engine.sweep(0, { eventsBefore: NONE, resultsBefore: NONE, limit: 10 })
      return (await client.hlen(keys.claims)) === 1
    })
    t.strictSame(await client.hkeys(keys.claims), [tombstone])
    t.equal((await engine.commit(change)).replayed, true)
  })

  t.test('out of memory refuses a reopening whole, and lets a sweep free what is old', async (t) => {
    const engine = await begin()
    const [id = ''] = await settled(engine, 5, 'dead')
    const trace = await engine.get('traces', id)
    const { topics } = await engine.stats()
    await client.config('SET', 'maxmemory', '1mb')
    t.teardown(() => client.config('SET', 'maxmemory', '0'))
    for (const how of ['redrive', 'discard'] as const)
      await t.rejects(reopen(engine, id, how), { name: 'Unavailable', message: /OOM/ })
    t.strictSame(await engine.get('traces', id), trace)
    t.strictSame((await engine.stats()).topics, topics)
    t.equal(await client.hlen(keys.claims), 5, 'those of the publications')
    t.strictSame(await sweepAll(engine, { resultsBefore: ALL }), { events: 5, results: 5 })
  })

  t.test('a sweep that was on its way does not pass what is reopened behind it', async (t) => {
    const engine = await begin()
    const [first = ''] = await settled(engine, 100, 'dead')
    await settled(engine, 2)
    const retention = { eventsBefore: ALL, resultsBefore: NONE, limit: 1 }
    t.match(await engine.sweep(0, retention), { events: 0, more: true })
    await reopen(engine, first, 'redrive')
    t.match(await engine.sweep(0, retention), { events: 0, more: false })
    await settled(engine, 0)
    t.strictSame(await sweepAll(engine), { events: 3, results: 0 })
  })

  t.test('a sweep takes no part in what another process sweeps at the same time', async (t) => {
    const engine = await begin()
    const others = [await open(t, server.url), await open(t, server.url)]
    await settled(engine, 300)
    const swept = await Promise.all([engine, ...others].map((one) => sweepAll(one, { resultsBefore: ALL })))
    t.equal(
      swept.reduce((sum, { events }) => sum + events, 0),
      300,
    )
    t.match(await client.hgetall(keys.swept), { 'things events': '300', 'things processed': '300' })
  })
}
