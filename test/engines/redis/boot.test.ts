import t from 'tap'
import { checkServer } from '../../../src/engines/redis/boot.js'
import { redisInstalled, redisServer } from '../../redis-server.js'
import { creation, open, until } from './fixtures.js'

if (redisInstalled(t)) {
  t.test('what was fixed at the first boot holds at every later one', async (t) => {
    const server = await redisServer(t)
    const first = await open(t, server.url, { partitions: 4, pepperIds: ['a'] })
    t.match(first.layout, { partitions: 4, placementKey: /^[0-9a-f]{64}$/ })
    const again = await open(t, server.url, { pepperIds: ['a'] })
    t.strictSame(again.layout, first.layout)
    await t.rejects(open(t, server.url, { partitions: 5, pepperIds: ['a'] }), {
      name: 'Misconfigured',
      message: /PARTITIONS is 5.*laid out with 4/,
    })
  })

  t.test('data is only opened with a pepper that it was written under', async (t) => {
    const server = await redisServer(t)
    await open(t, server.url, { pepperIds: ['a'] })
    await t.rejects(open(t, server.url, { pepperIds: ['b'] }), {
      name: 'Misconfigured',
      message: /KEY_PEPPER/,
    })
    await open(t, server.url, { pepperIds: ['b', 'a'] })
    await open(t, server.url, { pepperIds: ['b'] })
  })

  t.test('a server that may evict is refused, unless nothing limits its memory', async (t) => {
    const server = await redisServer(t, {
      args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
    })
    await t.rejects(open(t, server.url), { name: 'Misconfigured', message: /allkeys-lru.*noeviction/ })
    await server.client.config('SET', 'maxmemory', '0')
    await open(t, server.url)
    await server.client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'noeviction')
    await open(t, server.url)
  })

  t.test(
    'a database that the server does not have is refused, and nothing is written elsewhere',
    async (t) => {
      const server = await redisServer(t)
      await t.rejects(open(t, `${server.url}/99`), { name: 'Misconfigured', message: /database 99/ })
      t.equal(await server.client.dbsize(), 0)
      await open(t, `${server.url}/2`)
      t.equal(await server.client.dbsize(), 0)
    },
  )

  t.test('a server older than 7.0 is refused', async (t) => {
    const server = await redisServer(t)
    const info = await server.client.info()
    checkServer(info)
    for (const old of ['6.2.14', '5.0.0'])
      t.throws(() => checkServer(info.replace(/redis_version:.*/, `redis_version:${old}`)), {
        name: 'Misconfigured',
        message: /too old/,
      })
  })

  t.test('a mismatch that shows only later is fatal', async (t) => {
    const server = await redisServer(t, { started: false })
    const fatal: Error[] = []
    const engine = await open(t, server.url, { partitions: 3, onFatal: (error) => fatal.push(error) })
    await server.start()
    await until(async () => (await engine.stats().catch(() => null)) !== null)
    const other = await open(t, server.url, { partitions: 3 })
    t.strictSame(other.layout, engine.layout)
    await other.close()
    await server.client.hset('keypost:meta', 'partitions', 4)
    await server.kill()
    await server.start()
    await until(() => fatal.length > 0)
    t.match(fatal[0], { name: 'Misconfigured', message: /PARTITIONS/ })
    await t.rejects(engine.commit(creation('late').change), { name: 'Unavailable' })
  })

  t.test('data lost while running is laid out again as it was', async (t) => {
    const server = await redisServer(t)
    const engine = await open(t, server.url, { partitions: 3 })
    const { layout } = engine
    await server.client.flushall()
    await engine.lease({ id: 'p', lastPollAt: null, handlers: [], beat: 1 }, [])
    t.strictSame((await open(t, server.url)).layout, layout)
  })
}
