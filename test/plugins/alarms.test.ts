import t, { type Test } from 'tap'
import { partitionKeys } from '../../src/engines/redis/keys.js'
import { build, call, settled, submit, until } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

/** A service on Redis, with one partition, that has handled a key; what it logs. */
async function service(t: Test) {
  const server = await redisServer(t)
  const lines: { level: number; alarm?: string; msg: string }[] = []
  const app = await build(
    t,
    {
      REDIS_URL: server.url,
      KEY_PEPPER: 'p'.repeat(32),
      PARTITIONS: '1',
      LEASE_MS: '500',
      LOG_LEVEL: 'info',
    },
    { write: (line) => lines.push(JSON.parse(line)) },
  )
  await submit(app, { key: 'a key of which little is known' })
  const alarms = () =>
    lines.filter(({ level, alarm }) => level === 50 && alarm === 'data_lost').map(({ msg }) => msg)
  t.strictSame(alarms(), [])
  return { app, client: server.client, alarms }
}

const keys = partitionKeys(0)

t.test('losing everything is alarmed; later writes are handled', async (t) => {
  if (!redisInstalled(t)) return
  const { app, client, alarms } = await service(t)
  await client.flushall()
  await until(() => alarms().some((message) => message.includes('lost its data')))
  const { headers } = await call(app, 'POST', '/keys', { key: 'another key entirely', name: 'n' })
  t.match(await settled(app, headers['keypost-event-id']), { status: 'processed' })
})

for (const [name, key, message] of [
  ['lease', keys.lease, /lease is gone/],
  ['watermark', keys.watermark, /not as it was/],
] as const)
  t.test(`a lost ${name} is alarmed; what comes later is handled`, async (t) => {
    if (!redisInstalled(t)) return
    const { app, client, alarms } = await service(t)
    await client.del(key)
    await until(() => alarms().some((one) => message.test(one)))
    t.match((await submit(app, { key: 'another key entirely' })).result, { status: 'processed' })
  })

t.test('a lost open set is alarmed, and its events are handled', async (t) => {
  if (!redisInstalled(t)) return
  const { app, client, alarms } = await service(t)
  const { id, eventId } = await submit(app, { key: 'a key that is replayed' })
  // As if its result had been taken back a moment before.
  await client
    .multi()
    .hdel(keys.resultOf, eventId)
    .hincrby(keys.counters, 'key_submission processed', -1)
    .hincrby(keys.counters, 'key_submission pending', 1)
    .exec()
  await until(() => alarms().some((one) => one.includes('lost sight of')))
  t.match(await settled(app, eventId), { status: 'processed' })
  t.match((await call(app, 'GET', `/keys/${id}`)).body, { status: 'accepted' })
})
