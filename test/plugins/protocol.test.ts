import { once } from 'node:events'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import problems from '../../plugins/problems.js'
import timeouts, { ANSWER_MS } from '../../plugins/timeouts.js'
import * as limits from '../../src/http.js'
import { build } from '../helper.js'

async function listening(t: Test, env: Record<string, string> = {}, logTo?: { write(line: string): void }) {
  const app = await build(t, env, logTo)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

/** Sends bytes and reads until the server ends the connection. */
async function exchange(app: FastifyInstance, bytes: string): Promise<string> {
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const socket = connect(address.port, '127.0.0.1', () => socket.write(bytes))
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  await once(socket, 'close')
  return text
}

const HOST = 'Host: localhost\r\n'
const LAST = 'Connection: close\r\n\r\n'

t.test('what Node would refuse in its own words is a problem like any other', async (t) => {
  const lines: string[] = []
  const app = await listening(t, {}, { write: (line) => void lines.push(line) })
  for (const [name, bytes, status, code] of [
    ['no Host', `GET /livez HTTP/1.1\r\n${LAST}`, 400, 'invalid_request'],
    [
      'two Hosts, far apart',
      `GET /livez HTTP/1.1\r\n${HOST}${'a:\r\n'.repeat(2500)}${HOST}${LAST}`,
      400,
      'invalid_request',
    ],
    ['two Hosts', `GET /livez HTTP/1.1\r\n${HOST}${HOST}${LAST}`, 400, 'invalid_request'],
    ['an expectation', `GET /livez HTTP/1.1\r\n${HOST}Expect: cake\r\n${LAST}`, 417, 'expectation_failed'],
    ['a path that is no URI', `GET /keys/%zz HTTP/1.1\r\n${HOST}${LAST}`, 400, 'invalid_request'],
    ['the asterisk', `OPTIONS * HTTP/1.1\r\n${HOST}${LAST}`, 400, 'invalid_request'],
    ['CONNECT', `CONNECT example.com:80 HTTP/1.1\r\n${HOST}\r\n`, 400, 'invalid_request'],
    ['no HTTP', 'hello\r\n\r\n', 400, 'invalid_request'],
    ['large headers', `GET / HTTP/1.1\r\n${HOST}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ] as const) {
    const answer = await exchange(app, bytes)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), name)
    t.match(answer, /content-type: application\/problem\+json/i, name)
    t.match(answer, /cache-control: no-store/i, name)
    t.match(answer, /x-content-type-options: nosniff/i, name)
    t.match(answer, `"code":"${code}"`, name)
    const id = /x-request-id: (\S+)/i.exec(answer)?.[1] ?? 'none'
    t.match(answer, `"requestId":"${id}"`, name)
    t.ok(
      lines.some((line) => line.includes(id)),
      `${name} has a log line`,
    )
  }
})

t.test('a request to upgrade is answered as if it had not asked', async (t) => {
  const app = await listening(t)
  const upgrade = 'Connection: upgrade, close\r\nUpgrade: websocket\r\n\r\n'
  t.match(await exchange(app, `GET /livez HTTP/1.1\r\n${HOST}${upgrade}`), /^HTTP\/1\.1 200 /)
})

t.test('HTTP/1.0 needs no Host', async (t) => {
  const app = await listening(t, { API_TOKENS: `a:read:${'0'.repeat(64)}` })
  t.match(await exchange(app, 'GET /livez HTTP/1.0\r\n\r\n'), /^HTTP\/1\.[01] 200 /)
})

t.test('headers and bodies that never end do not hold their connection', async (t) => {
  const app = await listening(t)
  t.equal(app.server.headersTimeout, limits.HEADERS_TIMEOUT_MS)
  t.equal(app.server.requestTimeout, limits.REQUEST_TIMEOUT_MS)
  t.equal(app.server.keepAliveTimeout, limits.KEEP_ALIVE_MS)
  t.equal(app.server.timeout, limits.IDLE_MS)
  t.equal(app.server.maxConnections, limits.MAX_CONNECTIONS)
  app.server.headersTimeout = 100
  app.server.requestTimeout = 200
  const begun = `POST /keys HTTP/1.1\r\n${HOST}`
  const body = 'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{'
  for (const answer of await Promise.all([exchange(app, begun), exchange(app, begun + body)])) {
    t.match(answer, /^HTTP\/1\.1 408 /)
    t.match(answer, '"code":"request_timeout"')
  }
})

t.test('an answer that takes too long is 503; a stream that has begun goes on', async (t) => {
  t.ok(ANSWER_MS > 30_000 + 5_000, 'longer than Prefer: wait')
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(problems)
  await app.register(timeouts, { answerMs: 50 })
  const stream = new PassThrough()
  app.get('/never', () => new Promise(() => {}))
  app.get('/stream', async () => stream)
  const streamed = app.inject('/stream')
  stream.write('it began, ')
  const { statusCode, headers, body } = await app.inject('/never')
  t.equal(statusCode, 503)
  t.match(headers, { 'content-type': /problem\+json/, 'retry-after': '1' })
  t.equal(JSON.parse(body).code, 'unavailable')
  stream.end('and ended')
  t.equal((await streamed).body, 'it began, and ended')
})
