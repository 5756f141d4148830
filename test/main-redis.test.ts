import t from 'tap'
import { build, call, newKey } from './helper.js'
import { addressOf, run } from './process.js'
import { redisInstalled, redisServer, redisUrl } from './redis-server.js'

const [one, other] = ['1'.repeat(32), '2'.repeat(32)]

if (redisInstalled(t)) {
  t.test('it says which Redis, without the password', async (t) => {
    const { port, client } = await redisServer(t)
    await client.acl('SETUSER', 'keypost', '>secret-of-redis')
    const REDIS_URL = redisUrl(port, 'keypost', 'secret-of-redis')
    const keypost = await run(t, [], { REDIS_URL, KEY_PEPPER: one, LOG_LEVEL: 'trace' })
    await addressOf(keypost)
    t.match(keypost.out(), `redis, at 127.0.0.1:${port}`)
    keypost.child.kill('SIGTERM')
    t.equal(await keypost.exit, 0)
    t.notMatch(keypost.out() + keypost.err(), 'secret-of-redis')
  })

  t.test('Redis that turns out to hold the data of another pepper stops it, in one line', async (t) => {
    const server = await redisServer(t, { args: ['--appendfsync', 'always'] })
    const app = await build(t, { REDIS_URL: server.url, KEY_PEPPER: one })
    await call(app, 'POST', '/keys', { key: newKey(), name: 'n' })
    await app.close()
    const env = { REDIS_URL: server.url, KEY_PEPPER: other }

    const atOnce = await run(t, [], env)
    t.equal(await atOnce.exit, 1)
    t.equal(atOnce.err().trim().split('\n').length, 1, atOnce.err())

    await server.kill()
    const later = await run(t, [], env)
    const url = await addressOf(later)
    t.equal((await fetch(`${url}/livez`)).status, 200)
    await server.start()
    t.equal(await later.exit, 1)
    t.match(later.err(), /^keypost: /)
    t.equal(later.err().trim().split('\n').length, 1, later.err())
  })
}
