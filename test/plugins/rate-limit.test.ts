import { createHash, randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t from 'tap'
import { networkOf } from '../../src/network.js'
import { build, until } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const PEPPER = 'p'.repeat(32)
const DOCUMENT = '/openapi.json'

const newToken = () => {
  const token = `kp_${randomBytes(16).toString('hex')}`
  return { token, digest: createHash('sha256').update(token).digest('hex') }
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** What the limit says in answer to each of several requests. */
async function statuses(app: FastifyInstance, times: number, request: InjectOptions) {
  const answers = []
  for (let i = 0; i < times; i++) answers.push((await app.inject(request)).statusCode)
  return answers
}

t.test('without tokens and RATE_LIMIT nothing is limited, nor is anything said of limits', async (t) => {
  const { headers } = await (await build(t)).inject('/keys')
  t.notOk('ratelimit' in headers || 'ratelimit-policy' in headers)
})

t.test('an address has so many requests a minute, and is told', async (t) => {
  const app = await build(t, { RATE_LIMIT: '3' })
  const first = await app.inject('/keys')
  t.match(first, { statusCode: 200, headers: { 'ratelimit-policy': '"default";q=3;w=60' } })
  t.match(first.headers.ratelimit, /^"default";r=2;t=60$/)
  t.equal((await app.inject('/nothing-there')).statusCode, 404, 'what is not there counts too')
  t.match((await app.inject('/keys')).headers.ratelimit, /^"default";r=0;t=(59|60)$/)
  const refused = await app.inject('/keys')
  t.match(refused.headers, { ratelimit: /^"default";r=0;t=\d+$/, 'content-type': /problem\+json/ })
  t.match(refused.json(), { status: 429, code: 'rate_limited' })
  t.match(Number(refused.headers['retry-after']), 60)
  t.equal(refused.headers['x-request-id'], refused.json().requestId)
  t.strictSame(await statuses(app, 5, { url: '/livez' }), Array(5).fill(200), 'probes do not count')
  t.equal(
    (await app.inject({ url: '/keys', remoteAddress: '127.0.0.2' })).statusCode,
    200,
    'another has its own',
  )
})

t.test(
  'a token is limited by its name, wherever it comes from; 6000 a minute unless configured',
  async (t) => {
    const [a, b] = [newToken(), newToken()]
    const API_TOKENS = `a:read:${a.digest},b:read:${b.digest}`
    const app = await build(t, { API_TOKENS, RATE_LIMIT: '2' })
    const from = (token: string, remoteAddress: string) => ({
      url: '/keys',
      headers: bearer(token),
      remoteAddress,
    })
    t.equal((await app.inject(from(a.token, '127.0.0.1'))).statusCode, 200)
    t.strictSame(await statuses(app, 2, from(a.token, '127.0.0.2')), [200, 429])
    t.strictSame(await statuses(app, 3, from(b.token, '127.0.0.1')), [200, 200, 429])
    const other = await build(t, { API_TOKENS })
    t.match((await other.inject(from(a.token, '127.0.0.1'))).headers.ratelimit, '"default";r=5999;')
  },
)

t.test('what a token may not do counts as its own, and not as that of its address', async (t) => {
  const [a, b] = [newToken(), newToken()]
  const app = await build(t, { API_TOKENS: `a:read:${a.digest},b:read:${b.digest}`, RATE_LIMIT: '2' })
  const write: InjectOptions = { method: 'POST', url: '/keys', headers: bearer(a.token) }
  t.match((await app.inject(write)).headers.ratelimit, '"default";r=1;')
  t.strictSame(await statuses(app, 3, write), [403, 429, 429])
  t.strictSame(await statuses(app, 2, { url: '/keys', headers: bearer(b.token) }), [200, 200])
})

t.test('an address that guesses tokens is refused before the next one is looked at', async (t) => {
  const { token, digest } = newToken()
  const app = await build(t, { API_TOKENS: `a:read:${digest}`, RATE_LIMIT: '3' })
  const guess = { url: '/keys', headers: bearer(newToken().token) }
  t.strictSame(await statuses(app, 5, guess), [401, 401, 401, 401, 429])
  t.equal((await app.inject({ url: '/keys', headers: bearer(token) })).statusCode, 429, 'also the right one')
  const elsewhere = { url: '/keys', headers: bearer(token), remoteAddress: '127.0.0.9' }
  t.equal((await app.inject(elsewhere)).statusCode, 200)
})

t.test('of IPv6 the network is limited', async (t) => {
  t.equal(networkOf('2001:db8::1'), '2001:db8:0:0::/64')
  t.equal(networkOf('2001:DB8:0:0:ffff::1'), '2001:db8:0:0::/64')
  t.equal(networkOf('1::5:6:7:8:9'), '1:0:0:5::/64')
  t.equal(networkOf('::1'), '0:0:0:0::/64')
  t.equal(networkOf('fe80::1%lo'), 'fe80:0:0:0::/64')
  for (const mapped of ['::ffff:10.1.2.3', '::FFFF:a01:203', '0:0:0:0:0:ffff:0a01:0203'])
    t.equal(networkOf(mapped), '10.1.2.3', mapped)
  t.equal(networkOf('10.1.2.3'), '10.1.2.3')
})

if (redisInstalled(t)) {
  t.test('processes on one Redis share the count; a flood costs Redis nothing', async (t) => {
    const server = await redisServer(t)
    const env = { REDIS_URL: server.url, KEY_PEPPER: PEPPER, RATE_LIMIT: '4' }
    const apps = [await build(t, env), await build(t, env)] as const
    t.strictSame(await statuses(apps[0], 3, { url: DOCUMENT }), [200, 200, 200])
    t.strictSame(await statuses(apps[1], 2, { url: DOCUMENT }), [200, 429])
    t.equal((await apps[0].inject(DOCUMENT)).statusCode, 429)
    const counted = () => server.client.get('keypost:rates:address:127.0.0.1')
    const before = await counted()
    t.strictSame(new Set(await statuses(apps[0], 20, { url: DOCUMENT })), new Set([429]))
    t.equal(await counted(), before)
    t.ok(Number(await server.client.pttl('keypost:rates:address:127.0.0.1')) > 0, 'it goes by itself')
  })

  t.test('a counter whose end was taken away shuts nobody out for ever', async (t) => {
    const server = await redisServer(t)
    const app = await build(t, { REDIS_URL: server.url, KEY_PEPPER: PEPPER, RATE_LIMIT: '4' })
    await server.client.set('keypost:rates:address:127.0.0.1', 1000)
    t.match((await app.inject(DOCUMENT)).headers.ratelimit, '"default";r=3;t=60')
  })

  for (const [how, stop] of [
    ['is killed', 'kill'],
    ['stands still', 'pause'],
  ] as const) {
    t.test(`while Redis ${how}, what does not need it is answered, and the limit holds here`, async (t) => {
      const server = await redisServer(t)
      const app = await build(t, { REDIS_URL: server.url, KEY_PEPPER: PEPPER, RATE_LIMIT: '5' })
      t.equal((await app.inject(DOCUMENT)).statusCode, 200)
      await server[stop]()
      t.teardown(() => server.resume())
      const start = performance.now()
      t.strictSame(await statuses(app, 6, { url: DOCUMENT }), [200, 200, 200, 200, 200, 429])
      t.ok(performance.now() - start < 2000, 'without waiting for it each time')
      if (stop === 'kill') await server.start()
      else server.resume()
      let next = 0
      await until(async () => {
        await app.inject({ url: DOCUMENT, remoteAddress: `10.0.${next >> 8}.${next++ & 255}` })
        return (await server.client.keys('keypost:rates:address:10.*')).length > 0
      })
    })
  }
}
