import t from 'tap'
import { build } from '../helper.js'
import { API_TOKENS, bearer, TOKENS } from '../tokens.js'

const LOOPBACK = [
  ...['localhost', 'localhost:3000', 'LocalHost:1', 'keypost.localhost', 'a.b.localhost:80'],
  ...['127.0.0.1', '127.0.0.1:65535', '127.1.2.3', '[::1]', '[::1]:3000'],
]
const OTHERS = [
  ...['example.com', 'example.com:3000', 'localhost.example.com', '127.0.0.1.example.com', 'mylocalhost'],
  ...['192.168.0.1', '0.0.0.0', '128.0.0.1', '[::]', '[::2]', '::1', '127.0.0.1:80:80', 'a@localhost'],
]

t.test('without tokens only what is meant for a loopback name is served', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  for (const host of LOOPBACK)
    t.equal((await app.inject({ url: '/keys', headers: { host } })).statusCode, 200, host)
  for (const host of OTHERS)
    for (const url of ['/keys', '/livez', '/docs', '/openapi.json', '/nothing']) {
      const answer = await app.inject({ url, headers: { host, 'x-forwarded-host': 'localhost' } })
      t.equal(answer.statusCode, 421, `${host} ${url}`)
      t.equal(answer.json().code, 'misdirected_request')
    }
  const payload = { key: 'not-a-real-key-1234567890', name: 'n' }
  const refused = await app.inject({
    method: 'POST',
    url: '/keys',
    payload,
    headers: { host: 'rebound.test' },
  })
  t.equal(refused.statusCode, 421)
  t.strictSame((await app.inject('/keys')).json().items, [])
})

t.test('without tokens a page from elsewhere changes nothing, with or without a preflight', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off', CORS_ORIGINS: 'https://mine.example' })
  const { id, version } = (
    await app.inject({
      method: 'POST',
      url: '/keys',
      payload: { key: 'not-a-real-key-1234567890', name: 'n' },
    })
  ).json()
  const revoke = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: `/keys/${id}/revoke`, headers })
  for (const origin of [
    ...['https://evil.example', 'http://localhost.evil.example', 'http://evil.example:3000', 'null', ''],
    ...['https://mine.example.evil', 'https://mine.example:8443', 'http://mine.example', 'localhost'],
    ...['http://localhost@evil.example', 'http://http://localhost', 'file://localhost'],
  ]) {
    const refused = await revoke({ origin })
    t.equal(refused.statusCode, 403, origin)
    t.equal(refused.json().code, 'foreign_origin')
    const method = 'DELETE'
    t.equal((await app.inject({ method, url: `/keys/${id}`, headers: { origin } })).statusCode, 403, origin)
  }
  t.equal((await app.inject(`/keys/${id}`)).json().version, version)
  for (const headers of [
    {},
    ...LOOPBACK.map((host) => ({ origin: `http://${host.toLowerCase()}` })),
    { origin: 'https://mine.example' },
  ])
    t.equal((await revoke(headers)).statusCode, 200, JSON.stringify(headers))
})

t.test('with tokens any host may be meant', async (t) => {
  const app = await build(t, { API_TOKENS, SUBSCRIBER: 'off' })
  for (const host of ['example.com', '10.0.0.1:3000']) {
    t.equal((await app.inject({ url: '/keys', headers: { host, ...bearer(TOKENS.read) } })).statusCode, 200)
    t.equal((await app.inject({ url: '/keys', headers: { host } })).statusCode, 401)
  }
  const headers = { origin: 'https://anything.example', ...bearer(TOKENS.write) }
  t.equal((await app.inject({ method: 'POST', url: '/keys', headers, payload: {} })).statusCode, 400)
})
