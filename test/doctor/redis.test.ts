import type { Redis } from 'ioredis'
import t from 'tap'
import { examineRedis } from '../../src/doctor/redis.js'
import { publish } from '../engines/contract/fixtures.js'
import { open } from '../engines/redis/fixtures.js'
import { redisInstalled, redisServer } from '../redis-server.js'
import { configOf, examined, fill, pepperIds } from './fixtures.js'

const of = (name: string) => `keypost:{1}:${name}`

/** One member of a sorted set, field of a hash or id of a stream. */
const first = async (page: Promise<unknown>): Promise<string> => {
  const [, found] = (await page) as [string, string[]]
  return found[0] ?? ''
}
const someOf = (redis: Redis, hash: string) => first(redis.hscan(hash, 0))
const someId = async (redis: Redis, stream: string) =>
  (await redis.xrange(stream, '-', '+', 'COUNT', 1))[0]?.[0] ?? ''
/** Ways to damage the raw data: the key that each touches, and what must be said of it. */
const damages: [what: string, key: string, damage: (redis: Redis) => Promise<unknown>, said: RegExp][] = [
  [
    'a counter',
    'counters',
    (redis) => redis.hincrby(of('counters'), 'things processed', 1),
    /counter processed of things/,
  ],
  [
    'a balanced pair of counters',
    'counters',
    async (redis) => {
      await redis.hincrby(of('counters'), 'things processed', 1)
      await redis.hincrby(of('counters'), 'things pending', -1)
    },
    /counter pending of things/,
  ],
  [
    'a counter of what was swept',
    'swept',
    (redis) => redis.hincrby(of('swept'), 'old events', -1),
    /counter published of old/,
  ],
  [
    'discarded',
    'counters',
    (redis) => redis.hset(of('counters'), 'things discarded', 0),
    /counter discarded of things/,
  ],
  [
    'an entry of the log',
    'log',
    async (redis) => redis.xdel(of('log'), await someId(redis, of('log'))),
    /gone from the log/,
  ],
  [
    'an entry of the results',
    'results',
    async (redis) => redis.xdel(of('results'), await someId(redis, of('results'))),
    /result that is not/,
  ],
  [
    'an id',
    'events',
    async (redis) => redis.hdel(of('events'), await someOf(redis, of('events'))),
    /not found by their id/,
  ],
  [
    'a result',
    'result-of',
    async (redis) => redis.hdel(of('result-of'), await someOf(redis, of('result-of'))),
    /not found by the id of their event/,
  ],
  ['an open event', 'due', (redis) => redis.zpopmin(of('due')), /one half of the open set/],
  ['the open set', 'open', (redis) => redis.del(of('open')), /one half of the open set/],
  [
    'a watermark too far',
    'watermark',
    (redis) => redis.set(of('watermark'), '9999999999999-00000000'),
    /will never be handled/,
  ],
  ['a history', 'history', (redis) => redis.del(of('history')), /counter retrying of things/],
  ['a mark', 'marks', (redis) => redis.del(of('marks')), /not found by the id of their event/],
  [
    'an index of the log',
    'index:log',
    (redis) => redis.zpopmin(of('index:log')),
    /index of the log are missing/,
  ],
  [
    'an index of records',
    'index:keys',
    (redis) => redis.zadd(of('index:keys'), 0, 'status=pending\0nobody'),
    /index of keys lead to nothing/,
  ],
  ['a record', 'profiles', (redis) => redis.del(of('profiles')), /index of profiles lead to nothing/],
]

if (redisInstalled(t)) {
  t.test('what Keypost wrote is in order, and each damage to it is found', async (t) => {
    const server = await redisServer(t)
    const engine = await open(t, server.url, { partitions: 2, pepperIds })
    for (const partition of [0, 1]) await fill(engine, partition)
    const look = () =>
      examined(examineRedis(configOf({ REDIS_URL: server.url, PARTITIONS: '2' }), server.url))
    const { checks, warnings, failures } = await look()
    t.strictSame(failures, [])
    t.match(warnings.join('\n'), /everysec|once a second/)
    t.match(checks, [{ name: 'engine', detail: `redis, at 127.0.0.1:${server.port}` }])
    t.match(checks.at(-1), { name: 'recount', level: 'ok' })

    for (const [what, name, damage, said] of damages) {
      const whole = await server.client.dumpBuffer(of(name))
      await damage(server.client)
      const { failures } = await look()
      t.match(failures.join('\n'), said, what)
      t.match(failures.join('\n'), 'partition 1: ')
      t.notMatch(failures.join('\n'), 'partition 0: ')
      if (whole === null) throw new Error(`there is no ${name}`)
      await server.client.call('RESTORE', of(name), '0', whole, 'REPLACE')
    }
    t.strictSame((await look()).failures, [], 'whole again')
  })

  t.test('the open event that is lost from both halves of the open set is found', async (t) => {
    const server = await redisServer(t)
    const engine = await open(t, server.url, { partitions: 2, pepperIds })
    await fill(engine, 1)
    const [at = ''] = await server.client.zrange(of('due'), '0', '0')
    await server.client.zrem(of('due'), at)
    await server.client.zrem(of('open'), at)
    const { failures } = await examined(examineRedis(configOf({ REDIS_URL: server.url }), server.url))
    t.match(failures.join('\n'), /will never be handled/)
  })

  t.test('while others write, nothing is called damaged that is not', async (t) => {
    const server = await redisServer(t)
    const engine = await open(t, server.url, { partitions: 2, pepperIds })
    await fill(engine, 0)
    let ended = false
    const writer = (async () => {
      while (!ended) await Promise.all([publish(engine, 1, 0), publish(engine, 1, 1)])
    })()
    for (let n = 0; n < 3; n++) {
      const { failures } = await examined(examineRedis(configOf({ REDIS_URL: server.url }), server.url))
      t.strictSame(failures, [])
    }
    ended = true
    await writer
  })

  t.test('a configuration that would not start is told, and nothing is written', async (t) => {
    const server = await redisServer(t, { args: ['--appendfsync', 'always'] })
    const env = { REDIS_URL: server.url, LEASE_MS: '2000' }
    const before = await examined(examineRedis(configOf(env), server.url))
    t.match(before.warnings.join('\n'), /there is no data yet/)
    t.equal(await server.client.dbsize(), 0)

    const engine = await open(t, server.url, { partitions: 2, pepperIds })
    await engine.lease({ id: 'p1', lastPollAt: new Date().toISOString(), handlers: [], beat: 1 }, [
      { partition: 0, from: null, to: { partition: 0, token: 't', processor: 'p1', beat: 1 } },
    ])
    await server.client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru')
    const wrong = { ...env, PARTITIONS: '3', KEY_PEPPER: 'x'.repeat(32), WAIT_REPLICAS: '1' }
    const { checks, failures, warnings } = await examined(examineRedis(configOf(wrong), server.url))
    for (const said of [
      /allkeys-lru/,
      /2, but PARTITIONS is 3/,
      /none of KEY_PEPPER/,
      /0 connected, WAIT_REPLICAS is 1: every write is refused/,
    ])
      t.match(failures.join('\n'), said)
    t.notMatch(failures.join('\n'), 'x'.repeat(32))
    t.match(checks.find(({ name }) => name === 'processors')?.detail, 'p1 holds 1 of 2 partitions')
    t.match(warnings.join('\n'), /nobody holds partition 1/)
  })

  t.test('out of reach, without the password', async (t) => {
    const url = 'redis://:secret-of-redis@127.0.0.1:1'
    const { checks } = await examined(examineRedis(configOf({ REDIS_URL: url }), url))
    t.match(checks, [{ name: 'engine', level: 'failed', detail: /127\.0\.0\.1:1.*ECONNREFUSED/ }])
    t.notMatch(JSON.stringify(checks), 'secret-of-redis')
  })
}
