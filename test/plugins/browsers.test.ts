import t from 'tap'
import { loadConfig } from '../../src/config.js'
import { build } from '../helper.js'

const ORIGIN = 'https://console.example.com'
const preflight = (origin: string) => ({
  method: 'OPTIONS' as const,
  url: '/keys',
  headers: { origin, 'access-control-request-method': 'POST' },
})

t.test('every answer tells browsers to run nothing of it, and names its request', async (t) => {
  const app = await build(t, { API_TOKENS: `a:read:${'0'.repeat(64)}` })
  for (const [url, status] of [
    ['/livez', 200],
    ['/keys', 401],
    ['/nothing', 401],
    ['/%zz', 400],
  ] as const) {
    const { statusCode, headers } = await app.inject(url)
    t.equal(statusCode, status, url)
    t.equal(
      headers['content-security-policy'],
      "default-src 'none';base-uri 'none';frame-ancestors 'none'",
      url,
    )
    t.match(headers, { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }, url)
    t.match(headers['x-request-id'], /^[0-9a-f-]{36}$/, url)
    t.notOk('x-powered-by' in headers || 'strict-transport-security' in headers, url)
  }
  const docs = await app.inject('/docs')
  t.match(docs.headers['content-security-policy'], "script-src 'self'")
})

t.test('without CORS_ORIGINS nothing is said of CORS, and OPTIONS is answered as ever', async (t) => {
  const app = await build(t)
  for (const request of [preflight(ORIGIN), { url: '/keys', headers: { origin: ORIGIN } }]) {
    const { headers } = await app.inject(request)
    t.same(
      Object.keys(headers).filter((name) => name.startsWith('access-control-')),
      [],
    )
  }
  t.match(await app.inject(preflight(ORIGIN)), {
    statusCode: 204,
    headers: { allow: 'GET, HEAD, OPTIONS, POST' },
  })
})

t.test(
  'with it these origins alone may read answers, errors too, and preflights need no token',
  async (t) => {
    const CORS_ORIGINS = `${ORIGIN}, http://localhost:5173`
    const app = await build(t, { CORS_ORIGINS, API_TOKENS: `a:read:${'0'.repeat(64)}` })
    const allowed = await app.inject(preflight(ORIGIN))
    t.equal(allowed.statusCode, 204)
    t.match(allowed.headers, {
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': /Authorization.*If-Match.*Idempotency-Key/,
      vary: 'Origin',
    })
    t.notOk('access-control-allow-credentials' in allowed.headers)
    const read = await app.inject({ url: '/keys', headers: { origin: ORIGIN } })
    t.equal(read.statusCode, 401)
    t.match(read.headers, {
      'access-control-allow-origin': ORIGIN,
      'access-control-expose-headers': /ETag.*RateLimit/,
      vary: 'Origin',
    })
    for (const request of [
      preflight('https://evil.example'),
      { url: '/keys', headers: { origin: 'null' } },
    ]) {
      const { headers } = await app.inject(request)
      t.notOk('access-control-allow-origin' in headers)
      t.equal(headers.vary, 'Origin')
    }
    t.equal((await app.inject({ url: '/nothing', headers: { origin: ORIGIN } })).statusCode, 401)
  },
)

t.test(
  'OPTIONS that is no preflight is answered with Allow, and what is not there is not found',
  async (t) => {
    const app = await build(t, { CORS_ORIGINS: ORIGIN })
    const options = await app.inject({ method: 'OPTIONS', url: '/keys' })
    t.match(options, { statusCode: 204, headers: { allow: 'GET, HEAD, OPTIONS, POST' } })
    t.equal((await app.inject({ method: 'OPTIONS', url: '/nothing' })).statusCode, 404)
    t.equal((await app.inject('/nothing')).statusCode, 404)
    t.equal((await app.inject({ method: 'PUT', url: '/keys' })).statusCode, 405)
  },
)

t.test('what is no origin, and no proxy, stops the start', async (t) => {
  for (const bad of [
    '*',
    'example.com',
    'https://a.example/',
    'https://a.example/x',
    'null',
    'ftp://a',
    'https://a,,',
  ])
    t.throws(() => loadConfig({ CORS_ORIGINS: bad }), /^CORS_ORIGINS: entry \d is not one/, bad)
  for (const bad of [
    'proxy.example',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::/0',
    '10.0.0.0/',
    '10.0.0.1/8/8',
    '1',
    'true',
  ])
    t.throws(() => loadConfig({ TRUST_PROXY: bad }), /^TRUST_PROXY: entry 1 is not one/, bad)
  const { trustedProxies } = loadConfig({ TRUST_PROXY: '10.0.0.0/8, ::1,2001:db8::/32' })
  t.same(trustedProxies, ['10.0.0.0/8', '::1', '2001:db8::/32'])
})

t.test('X-Forwarded-For counts from a trusted proxy alone, and its last address', async (t) => {
  const RATE_LIMIT = '1'
  const statuses = async (env: Record<string, string>, ...forwarded: string[]) => {
    const app = await build(t, { RATE_LIMIT, ...env })
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    const answers = []
    for (const each of forwarded)
      answers.push((await fetch(`${origin}/keys`, { headers: { 'x-forwarded-for': each } })).status)
    return answers
  }
  t.same(await statuses({}, '192.0.2.1', '192.0.2.2'), [200, 429], 'nobody is trusted')
  t.same(await statuses({ TRUST_PROXY: '10.0.0.0/8' }, '192.0.2.1', '192.0.2.2'), [200, 429], 'another is')
  const TRUST_PROXY = '127.0.0.0/8'
  t.same(await statuses({ TRUST_PROXY }, '192.0.2.1', '192.0.2.2', '192.0.2.1'), [200, 200, 429])
  t.same(
    await statuses({ TRUST_PROXY }, '1.1.1.1, 192.0.2.1', '2.2.2.2, 192.0.2.1'),
    [200, 429],
    'the rest is said',
  )
  t.same(
    await statuses({ TRUST_PROXY }, 'no address', 'another'),
    [200, 429],
    'what is no address is the proxy',
  )
})
