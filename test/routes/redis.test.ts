import t, { type Test } from 'tap'
import { build, call, newKey, submit, until } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const pepper = 'a pepper of 32 characters or more'

const onRedis = (t: Test, url: string, env = {}) =>
  build(t, { REDIS_URL: url, KEY_PEPPER: pepper, LEASE_MS: '2000', ...env })

if (redisInstalled(t)) {
  t.test('on Redis: submit, result, profile, lists, counters', async (t) => {
    const { url } = await redisServer(t)
    const app = await onRedis(t, url)
    const { id, key, result } = await submit(app, { key: newKey() })
    t.match(key, { status: 'accepted', version: 2 })
    t.match(result, { subject: `keys/${id}`, status: 'processed' })
    const profile = { name: 'Ada', email: 'ada@example.com' }
    t.equal((await call(app, 'POST', '/profiles', profile)).status, 201)
    t.equal((await call(app, 'POST', '/profiles', profile)).status, 409)
    t.equal((await call(app, 'GET', '/results?topic=key_submission')).body.items.length, 1)
    t.match((await call(app, 'GET', '/stats')).body, { engine: 'redis', conserved: true })
    t.equal((await call(app, 'GET', '/readyz')).status, 200)
  })

  t.test('Redis goes away and comes back: 503 and why, alive, then all by itself', async (t) => {
    const server = await redisServer(t, { args: ['--appendfsync', 'always'] })
    const app = await onRedis(t, server.url)
    const before = await submit(app, { key: newKey() })

    await server.kill()
    const refused = await call(app, 'POST', '/keys', { key: newKey(), name: 'n' })
    t.match(refused, { status: 503, headers: { 'retry-after': '1' }, body: { code: 'unavailable' } })
    t.equal((await call(app, 'GET', `/keys/${before.id}`)).status, 503)
    t.match(await call(app, 'GET', '/readyz'), { status: 503, body: { checks: { engine: { ok: false } } } })
    t.equal((await call(app, 'GET', '/livez')).status, 200)

    await server.start()
    await until(async () => (await call(app, 'GET', '/readyz')).status === 200)
    t.equal((await call(app, 'GET', `/keys/${before.id}`)).status, 200)
    t.equal((await submit(app, { key: newKey() })).key.status, 'accepted')
  })

  t.test('a process that only serves is ready when another handles events', async (t) => {
    const { url } = await redisServer(t)
    const serving = await onRedis(t, url, { SUBSCRIBER: 'off' })
    t.match(await call(serving, 'GET', '/readyz'), {
      status: 503,
      body: { checks: { subscriber: { ok: false } } },
    })
    await onRedis(t, url)
    await until(async () => (await call(serving, 'GET', '/readyz')).status === 200)
    t.equal((await submit(serving, { key: newKey() })).key.status, 'accepted')
  })
}
