import { once } from 'node:events'
import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { SCOPES, type Scope } from '../../src/tokens.js'
import { failingHandler } from '../failing-handler.js'
import { build, call, newKey, until } from '../helper.js'
import { API_TOKENS, bearer, entry, TOKENS } from '../tokens.js'

const AS_ALL = bearer(TOKENS.all)

interface Operation {
  method: string
  path: string
  operationId: string
  /** null: open */
  scope: Scope | null
}

function operationsOf(app: FastifyInstance): Operation[] {
  const paths = app.swagger().paths as Record<string, Record<string, Described>>
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, security }]) => {
      return { method: method.toUpperCase(), path, operationId, scope: security[0]?.bearer[0] ?? null }
    }),
  )
}
interface Described {
  operationId: string
  security: { bearer: Scope[] }[]
}

/** What would do something, if it were let in. */
const bodies: Record<string, object> = {
  submitKey: { key: newKey(), name: 'refused' },
  updateKey: { name: 'refused' },
  createProfile: { name: 'refused', email: 'refused@example.com' },
  replaceProfile: { name: 'refused', email: 'refused@example.com' },
  updateProfile: { name: 'refused' },
  publishEvent: { type: 'thing.refused', data: {} },
  redriveDeadLetters: {},
  createReplay: { topic: 'key_submission', since: '2020-01-01T00:00:00.000Z' },
}

/** A service with one of everything, over real HTTP; sends to the things that there are. */
async function service(t: Test, logTo?: { write(line: string): void }) {
  const app = await build(t, { API_TOKENS, HANDLERS: await failingHandler(t) }, logTo)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const post = async (path: string, body: object) => {
    const answer = await call(app, 'POST', path, body, AS_ALL)
    t.ok(answer.status < 300, path)
    return answer.body.id as string
  }
  const event = await post('/topics/things/events', { type: 'thing.happened', data: {} })
  const ids: Record<string, string> = {
    profiles: await post('/profiles', { name: 'n', email: 'a@example.com' }),
    keys: await post('/keys', { key: newKey(), name: 'n' }),
    results: event,
    events: event,
    'dead-letters': event,
  }
  const quiet = () =>
    until(async () => {
      const { topics } = await app.engine.stats()
      return Object.values(topics).every(({ pending, retrying }) => pending + retrying === 0)
    })
  await quiet()
  ids.replays = await post('/replays', bodies.createReplay ?? {})
  await until(
    async () =>
      (await call(app, 'GET', `/replays/${ids.replays}`, undefined, AS_ALL)).body.status !== 'running',
  )
  await quiet()

  const send = async ({ method, path, operationId }: Operation, headers: Record<string, string>) => {
    const [, collection = ''] = path.split('/')
    const body = bodies[operationId]
    const ended = new AbortController()
    const answer = await fetch(
      origin + path.replace('{id}', ids[collection] ?? '').replace('{topic}', 'things'),
      {
        method,
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        signal: ended.signal,
      },
    )
    const { status } = answer
    const challenge = answer.headers.get('www-authenticate')
    const text = status >= 400 ? await answer.text() : ''
    ended.abort() // a stream has no end of its own
    return { status, challenge, text }
  }

  /** All that can be seen of what is kept. */
  const state = async () => {
    const paths = ['/profiles', '/keys', '/results', '/events', '/dead-letters', '/replays', '/topics']
    return Promise.all(paths.map(async (path) => (await call(app, 'GET', path, undefined, AS_ALL)).body))
  }
  return { app, origin, send, state }
}

t.test('every operation: 401 without a token, 403 with another scope, and nothing is done', async (t) => {
  const { app, send, state } = await service(t)
  const before = await state()
  const operations = operationsOf(app)
  t.ok(operations.length > 30)
  for (const operation of operations) {
    const { method, path, scope } = operation
    const name = `${method} ${path}`
    const without = await send(operation, {})
    if (scope === null) {
      t.notOk([401, 403].includes(without.status), `${name} is open`)
      continue
    }
    t.match(without, { status: 401, challenge: /^Bearer realm="keypost"$/ }, name)
    t.match(JSON.parse(without.text), { code: 'unauthorized' })
    const unknown = await send(operation, bearer('kp_nobody'))
    t.match(unknown, { status: 401, challenge: 'Bearer realm="keypost", error="invalid_token"' }, name)
    for (const other of SCOPES.filter((each) => each !== scope)) {
      const refused = await send(operation, bearer(TOKENS[other]))
      const challenge = `Bearer realm="keypost", error="insufficient_scope", scope="${scope}"`
      t.match(refused, { status: 403, challenge }, `${name} as ${other}`)
      t.match(JSON.parse(refused.text), { code: 'insufficient_scope' })
    }
  }
  t.strictSame(await state(), before)

  for (const operation of operations) {
    const { status } = await send(operation, operation.scope === null ? {} : bearer(TOKENS[operation.scope]))
    t.notOk([401, 403].includes(status), `${operation.method} ${operation.path} with its scope: ${status}`)
  }
  t.notSame(await state(), before)
})

t.test('what is open, and what takes an admin, is a short list', async (t) => {
  const operations = operationsOf(await build(t, { SUBSCRIBER: 'off' }))
  const those = (scope: Scope | null) =>
    operations.filter((each) => each.scope === scope).map(({ operationId }) => operationId)
  t.strictSame(those(null).sort(), ['getLiveness', 'getReadiness'])
  t.strictSame(those('admin').sort(), [
    'cancelReplay',
    'createReplay',
    'discardDeadLetter',
    'redriveDeadLetter',
    'redriveDeadLetters',
  ])
})

t.test('HEAD reads; a path or method that does not exist takes a token too, of any scope', async (t) => {
  const app = await build(t, { API_TOKENS, SUBSCRIBER: 'off' })
  const browsers = await build(t, { API_TOKENS, SUBSCRIBER: 'off', CORS_ORIGINS: 'https://a.example' })
  for (const [method, url, status] of [
    ['HEAD', '/keys', 200],
    ['GET', '/nothing', 404],
    ['POST', '/keys/', 404],
    ['PUT', '/keys', 405],
    ['POST', '/livez', 405],
    ['OPTIONS', '/keys', 204],
  ] as const) {
    t.equal((await app.inject({ method, url })).statusCode, 401, `${method} ${url}`)
    const headers = bearer(TOKENS.read)
    t.equal((await app.inject({ method, url, headers })).statusCode, status, `${method} ${url} with`)
  }
  for (const headers of [bearer(TOKENS.write), bearer(TOKENS.admin)]) {
    t.equal((await app.inject({ method: 'HEAD', url: '/keys', headers })).statusCode, 403)
    t.equal((await app.inject({ method: 'PUT', url: '/keys', headers })).statusCode, 405)
    for (const each of [app, browsers])
      t.equal((await each.inject({ method: 'OPTIONS', url: '/keys', headers })).statusCode, 204)
  }
})

t.test('the documents and Swagger UI with all its files are open', async (t) => {
  const app = await build(t, { API_TOKENS, SUBSCRIBER: 'off' })
  const { payload } = await app.inject('/docs')
  const files = [...payload.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, file = '']) => file)
  t.ok(files.length > 3)
  const urls = files.map((file) => new URL(file, 'http://localhost/docs').pathname)
  for (const url of ['/openapi.json', '/docs', '/docs/', ...urls])
    t.equal((await app.inject(url)).statusCode, 200, url)
  t.equal((await app.inject('/docs/static/none.js')).statusCode, 404)
  t.equal((await app.inject('/docs2')).statusCode, 401)
})

t.test('without API_TOKENS nobody needs one, and one that comes is not looked at', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  for (const headers of [{}, bearer('kp_nobody'), { authorization: 'Bearer' }])
    t.equal((await app.inject({ url: '/keys', headers })).statusCode, 200)
})

t.test('a name has two tokens while one replaces the other', async (t) => {
  const [old, next] = ['kp_the_old_one', 'kp_the_next_one']
  const both = [entry(old, 'ci', 'read'), entry(next, 'ci', 'read+write')]
  const statuses = async (tokens: string[]) => {
    const app = await build(t, { API_TOKENS: tokens.join(', '), SUBSCRIBER: 'off' })
    const sent = [old, next].map((token) => app.inject({ url: '/keys', headers: bearer(token) }))
    return (await Promise.all(sent)).map(({ statusCode }) => statusCode)
  }
  t.strictSame(await statuses(both), [200, 200])
  t.strictSame(await statuses(both.slice(1)), [401, 200])
})

t.test('what is no bearer token: 401 if it is none at all, 400 if it is malformed', async (t) => {
  const app = await build(t, { API_TOKENS, SUBSCRIBER: 'off' })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const none = { status: 401, challenge: 'Bearer realm="keypost"', code: 'unauthorized' }
  const malformed = {
    status: 400,
    challenge: 'Bearer realm="keypost", error="invalid_request"',
    code: 'invalid_request',
  }
  const wrong = {
    status: 401,
    challenge: 'Bearer realm="keypost", error="invalid_token"',
    code: 'unauthorized',
  }
  const { read } = TOKENS
  for (const [lines, expected] of [
    [[], none],
    [[''], none],
    [['Basic a2V5OnBvc3Q='], none],
    [[read], none],
    [[`Bearerx ${read}`], none],
    [['Bearer'], malformed],
    [['Bearer '], malformed],
    [[`Bearer ${read} ${read}`], malformed],
    [[`Bearer ${read}, Bearer ${read}`], malformed],
    [[`Bearer "${read}"`], malformed],
    [[`Bearer\t${read}`], malformed],
    [['Bearer kp_schlüssel'], malformed],
    [['Bearer kp_\u{1F511}'], malformed],
    [[`Bearer ${read}`, `Bearer ${read}`], malformed],
    [[`Bearer ${read}`, 'Basic a2V5OnBvc3Q='], malformed],
    [[`Bearer ${read.toUpperCase()}`], wrong],
    [[`Bearer ${read.slice(0, -1)}`], wrong],
    [[`Bearer ${read}=`], wrong],
    [[`Bearer ${'a'.repeat(12_000)}`], wrong],
  ] as const) {
    const { status, headers, body } = await raw(
      origin,
      `GET /keys HTTP/1.1\r\nHost: localhost\r\n${lines.map((line) => `Authorization: ${line}\r\n`).join('')}\r\n`,
    )
    const answered = { status, challenge: headers['www-authenticate'], code: JSON.parse(body).code }
    t.strictSame(answered, expected, lines.join(' & ').slice(0, 60))
    t.notOk(body.includes('kp_test') || body.includes('a2V5'), 'it is not echoed')
  }
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  '])
    t.equal(
      (await app.inject({ url: '/keys', headers: { authorization: `${scheme} ${read}` } })).statusCode,
      200,
      'the scheme is case-insensitive (RFC 9110 §11.1)',
    )
})

t.test('a token anywhere else than in the header is none', async (t) => {
  const app = await build(t, { API_TOKENS, SUBSCRIBER: 'off' })
  for (const request of [
    { url: `/keys?access_token=${TOKENS.read}` },
    { url: '/keys', headers: { cookie: `access_token=${TOKENS.read}`, 'x-api-key': TOKENS.read } },
  ])
    t.equal((await app.inject(request)).statusCode, 401)
  const both = await app.inject({ url: `/keys?access_token=${TOKENS.read}`, headers: bearer(TOKENS.read) })
  t.equal(both.statusCode, 400)
  t.notMatch(both.body, TOKENS.read)
})

t.test('the log says whose token it was, and at no level which', async (t) => {
  const lines: string[] = []
  const { app, send } = await service(t, { write: (line) => lines.push(line) })
  for (const operation of operationsOf(app))
    for (const token of [TOKENS.admin, TOKENS.all, 'kp_nobody-knows-this'])
      t.notOk((await send(operation, bearer(token))).text.includes('kp_'))
  await app.inject({ url: '/nothing', headers: bearer(TOKENS.read) })
  const answered = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'answered')
  t.ok(answered.some(({ client, status }) => client === 'admin' && status === 403))
  t.ok(answered.some(({ client, status }) => client === 'read' && status === 404))
  const open = ['/livez', '/readyz']
  for (const { route, status, client } of answered)
    t.equal(client === undefined, status === 401 || open.includes(route), `${status} ${route} ${client}`)
  const said = lines.join('')
  for (const token of [...Object.values(TOKENS), 'kp_nobody', 'Bearer']) t.notOk(said.includes(token), token)
  for (const line of API_TOKENS.split(',')) t.notOk(said.includes(line.slice(-64)), 'nor a digest')
})

t.test('a body that comes without a token is not read, and its connection goes on', async (t) => {
  const app = await build(t, { API_TOKENS, SUBSCRIBER: 'off' })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const length = 640 * 1024
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  const head = `POST /keys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
  socket.write(head)
  // It is answered before a byte of the body is there.
  await until(() => /^HTTP\/1\.1 401 /.test(text) && text.endsWith('}'))
  t.notMatch(text, /^connection: close/im)
  text = ''
  socket.write('x'.repeat(length))
  socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until(() => /^HTTP\/1\.1 200 /.test(text))
})

/** Sends bytes as they are, and reads the one answer. */
async function raw(origin: string, request: string) {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  socket.write(request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), 'utf8')
  await once(socket, 'close')
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [status = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(':')[0]?.toLowerCase(), line.replace(/^[^:]*: */, '')]),
  )
  return { status: Number(status.split(' ')[1]), headers, body }
}
