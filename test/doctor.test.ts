import t from 'tap'
import { folder, newKey } from './helper.js'
import { addressOf, run } from './process.js'
import { redisInstalled, redisServer, redisUrl } from './redis-server.js'
import { until } from './until.js'

async function submit(url: string): Promise<void> {
  const { status } = await fetch(`${url}/keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=5' },
    body: JSON.stringify({ key: newKey(), name: 'n' }),
  })
  if (status >= 300) throw new Error(`not taken: ${status}`)
}

t.test('embedded, beside the process that has the folder: a line a check, and 0', async (t) => {
  const DATA_DIR = `${await folder(t)}/data`
  const before = await run(t, ['doctor'], { DATA_DIR })
  t.equal(await before.exit, 1)
  t.match(before.out(), /^✗ engine +embedded: there is no data in/)

  await submit(await addressOf(await run(t, [], { DATA_DIR })))
  const { exit, out, err } = await run(t, ['doctor'], { DATA_DIR })
  t.equal(await exit, 0, out())
  t.equal(err(), '')
  t.match(out(), /^✓ recount +1 events and \d results/m)
})

if (redisInstalled(t)) {
  t.test('on Redis, as JSON: 1 once something is damaged', async (t) => {
    const server = await redisServer(t)
    await server.client.acl('SETUSER', 'keypost', '>secret-of-redis')
    const env = {
      REDIS_URL: redisUrl(server.port, 'keypost', 'secret-of-redis'),
      KEY_PEPPER: 'p'.repeat(32),
    }
    const url = await addressOf(await run(t, [], env))
    await submit(url)
    await until(async () => (await fetch(`${url}/readyz`)).status === 200)
    const sound = await run(t, ['doctor', '--json'], env)
    t.equal(await sound.exit, 0, sound.out())
    const { ok, checks } = JSON.parse(sound.out())
    t.equal(ok, true)
    t.match(checks[0], {
      name: 'engine',
      level: 'ok',
      detail: `redis, at 127.0.0.1:${server.port}`,
      advice: null,
    })
    t.notMatch(sound.out(), 'secret-of-redis')

    await server.client.hincrby('keypost:{0}:counters', 'key_submission published', 1)
    const damaged = await run(t, ['doctor', '--json'], env)
    t.equal(await damaged.exit, 1)
    t.match(JSON.parse(damaged.out()), { ok: false })
  })
}
