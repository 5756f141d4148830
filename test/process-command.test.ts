import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { eachSettledOnce, load, stats } from './load.js'
import { addressOf, run } from './process.js'
import { redisInstalled, redisServer } from './redis-server.js'
import { exposition } from './scrape.js'
import { API_TOKENS, bearer, TOKENS } from './tokens.js'
import { until } from './until.js'

const LEASE_MS = 2000

t.test(
  'on the embedded engine there is nothing for it to do beside another, and one line says so',
  async (t) => {
    const { exit, err } = await run(t, ['process'])
    t.equal(await exit, 1)
    t.match(err(), /^keypost: REDIS_URL: is required/)
    t.equal(err().trim().split('\n').length, 1, err())
  },
)

if (redisInstalled(t)) {
  t.test('a processor tells its metrics to those who have a token, else to this machine alone', async (t) => {
    const { url } = await redisServer(t)
    const env = { REDIS_URL: url, KEY_PEPPER: 'p'.repeat(32), PORT: '' }
    const refused = await run(t, ['process'], { ...env, HOST: '0.0.0.0' })
    t.equal(await refused.exit, 1)
    t.match(refused.err(), /^keypost: HOST: without API_TOKENS/)

    const closed = await addressOf(await run(t, ['process'], { ...env, API_TOKENS }))
    const statusOf = async (path: string, headers = {}) => (await fetch(closed + path, { headers })).status
    t.equal(await statusOf('/livez'), 200)
    t.equal(await statusOf('/metrics'), 401)
    t.equal(await statusOf('/metrics', bearer(TOKENS.write)), 403)
    t.equal(await statusOf('/metrics', bearer(TOKENS.read)), 200)

    const open = await addressOf(await run(t, ['process'], env))
    const rebound = httpRequest(`${open}/metrics`, { headers: { host: 'rebound.test' } }).end()
    const [answer] = await once(rebound, 'response')
    t.equal(answer.statusCode, 421)
    answer.resume()
    t.equal((await fetch(`${open}/metrics`)).status, 200)
  })

  t.test('an API that handles nothing and two processors, one killed with events in hand', async (t) => {
    const server = await redisServer(t)
    const env = {
      REDIS_URL: server.url,
      KEY_PEPPER: 'p'.repeat(32),
      LEASE_MS: `${LEASE_MS}`,
      SUBSCRIBER: 'off', // of the API: processors share its environment, and do not look at it
    }
    const api = await addressOf(await run(t, [], env))
    t.equal((await fetch(`${api}/readyz`)).status, 503, 'nobody handles events yet')

    // Without a PORT, they do not clash.
    const [one, other] = await Promise.all([
      run(t, ['process'], { ...env, PORT: '' }),
      run(t, ['process'], { ...env, PORT: '' }),
    ])
    const [urlOfOne, urlOfOther] = await Promise.all([addressOf(one), addressOf(other)])
    await until(async () => {
      const shares = (await stats(api)).processors.map(({ partitions }) => partitions.length)
      return shares.join() === '4,4'
    })
    for (const url of [api, urlOfOne, urlOfOther])
      await until(async () => (await fetch(`${url}/readyz`)).status === 200)
    t.equal((await fetch(`${urlOfOne}/livez`)).status, 200)
    t.equal((await fetch(`${urlOfOne}/keys`)).status, 404, 'a processor is no API')
    t.match(one.out(), `redis, at 127.0.0.1:${server.port}`)

    const sending = load(api)
    await until(() => sending.acknowledged.length > 100)
    const metrics = async () => exposition(await (await fetch(`${urlOfOne}/metrics`)).text())
    const submitted = { topic: 'key_submission', type: 'key.submitted' }
    await until(async () => ((await metrics()).value('keypost_events_processed_total', submitted) ?? 0) > 0)
    const { value } = await metrics()
    t.equal(value('keypost_events_published_total', submitted), undefined, 'others publish')
    t.equal(value('keypost_engine_up'), 1)

    one.child.kill('SIGSTOP') // so that what it has in hand stays there
    const inHand = async () => (await stats(api)).topics.key_submission?.pending ?? 0
    await until(async () => (await inHand()) > 50)
    one.child.kill('SIGKILL')
    await once(one.child, 'close')
    const killedAt = performance.now()
    await eachSettledOnce(t, api, await sending.end())
    const tookMs = performance.now() - killedAt
    t.ok(tookMs < LEASE_MS + 2000 + 1500, `${Math.round(tookMs)} ms`)

    other.child.kill('SIGTERM')
    t.equal(await other.exit, 0)
    t.equal(other.err(), '')
    const held = (await stats(api)).processors.flatMap(({ partitions }) => partitions)
    t.strictSame(held, [], 'it gave everything back')
  })
}
