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

t.test('with tokens any host may be meant', async (t) => {
  const app = await build(t, { API_TOKENS, SUBSCRIBER: 'off' })
  for (const host of ['example.com', '10.0.0.1:3000']) {
    t.equal((await app.inject({ url: '/keys', headers: { host, ...bearer(TOKENS.read) } })).statusCode, 200)
    t.equal((await app.inject({ url: '/keys', headers: { host } })).statusCode, 401)
  }
})
