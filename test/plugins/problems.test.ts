import { connect } from 'node:net'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { errors } from '../../src/errors.js'
import { build, call, newKey } from '../helper.js'

const ID = '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f'
const json = { 'content-type': 'application/json' }

/** Sends a request and checks that the answer is a problem as RFC 9457 and Keypost want it. */
async function refused(t: Test, app: FastifyInstance, request: InjectOptions, code: keyof typeof errors) {
  const response = await app.inject(request)
  const problem = response.json()
  t.equal(response.statusCode, errors[code].status, code)
  t.match(response.headers, { 'content-type': /^application\/problem\+json/, 'cache-control': 'no-store' })
  t.strictSame(Object.keys(problem), [
    ...['type', 'title', 'status', 'detail', 'instance', 'code', 'errors', 'requestId'],
  ])
  t.match(problem, {
    type: `urn:keypost:problem:${code}`,
    title: errors[code].title,
    status: errors[code].status,
    code,
    instance: /^urn:uuid:[0-9a-f-]{36}$/,
    requestId: response.headers['x-request-id'],
  })
  return { problem, headers: response.headers }
}

t.test('an unknown path is 404, whatever is sent to it', async (t) => {
  const app = await build(t)
  await refused(t, app, { url: '/nope' }, 'not_found')
  await refused(t, app, { url: '/docs/static/nope' }, 'not_found')
  await refused(t, app, { url: '/keys/' }, 'invalid_request')
  await refused(t, app, { method: 'POST', url: '/nope', headers: json, payload: '{' }, 'not_found')
  await refused(
    t,
    app,
    { method: 'POST', url: '/nope', headers: { 'content-type': 'text/x' }, payload: '{' },
    'not_found',
  )
})

t.test('a wrong method on a known path is 405, and Allow says what is right', async (t) => {
  const app = await build(t)
  const put = await refused(t, app, { method: 'PUT', url: '/keys' }, 'method_not_allowed')
  t.equal(put.headers.allow, 'GET, HEAD, OPTIONS, POST')
  const post = await refused(t, app, { method: 'POST', url: `/keys/${ID}` }, 'method_not_allowed')
  t.equal(post.headers.allow, 'DELETE, GET, HEAD, OPTIONS, PATCH')
  await refused(t, app, { method: 'DELETE', url: '/stats?x=1' }, 'method_not_allowed')
  for (const url of ['/%73tats', '/stats#%zz'])
    await refused(t, app, { method: 'DELETE', url }, 'method_not_allowed')
  const both = await refused(t, app, { method: 'PUT', url: '/dead-letters/redrive' }, 'method_not_allowed')
  t.equal(
    both.headers.allow,
    'DELETE, GET, HEAD, OPTIONS, POST',
    'what the path allows, and what an id would',
  )
})

t.test('OPTIONS answers with what is allowed, HEAD like GET without a body', async (t) => {
  const app = await build(t)
  const options = await app.inject({ method: 'OPTIONS', url: '/profiles' })
  t.match(options, { statusCode: 204, headers: { allow: 'GET, HEAD, OPTIONS, POST' } })
  const head = await app.inject({ method: 'HEAD', url: '/livez' })
  t.match(head, { statusCode: 200, body: '' })
})

t.test('a body that is not JSON is refused', async (t) => {
  const app = await build(t)
  for (const payload of [
    '{',
    '',
    '{"__proto__": {}, "key": "a", "name": "b"}',
    '{"constructor": {"prototype": 1}}',
  ]) {
    await refused(t, app, { method: 'POST', url: '/keys', headers: json, payload }, 'invalid_request')
  }
  const deep = `{"key": ${'['.repeat(100_000)}${']'.repeat(100_000)}, "name": "n"}`
  await refused(t, app, { method: 'POST', url: '/keys', headers: json, payload: deep }, 'invalid_request')
})

t.test('a body that is too large is refused', async (t) => {
  const app = await build(t)
  const payload = JSON.stringify({ key: 'k', name: 'n'.repeat(700_000) })
  await refused(t, app, { method: 'POST', url: '/keys', headers: json, payload }, 'body_too_large')
})

t.test('a large valid body is not', async (t) => {
  const app = await build(t)
  const escaped = (n: number) => '\\ud83d\\ude00'.repeat(n)
  const entries = Array.from({ length: 50 }, (_, n) => `"${n}${escaped(98)}": "${escaped(500)}"`)
  const payload = `{"key": "${'\\u0041'.repeat(16_384)}", "name": "${escaped(200)}", "metadata": {${entries}}}`
  const { statusCode } = await app.inject({ method: 'POST', url: '/keys', headers: json, payload })
  t.equal(statusCode, 202)
})

t.test('another media type is 415; on PATCH with what it accepts', async (t) => {
  const app = await build(t)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/merge-patch+json']) {
    const post = { method: 'POST', url: '/keys', headers: { 'content-type': type }, payload: '{}' } as const
    const { headers } = await refused(t, app, post, 'unsupported_media_type')
    t.notOk(headers['accept-patch'])
  }
  const patch = {
    method: 'PATCH',
    url: `/keys/${ID}`,
    headers: { 'content-type': 'text/plain' },
    payload: 'x',
  } as const
  const { headers } = await refused(t, app, patch, 'unsupported_media_type')
  t.equal(headers['accept-patch'], 'application/merge-patch+json, application/json')
})

t.test('a path that cannot be read is 400', async (t) => {
  const app = await build(t)
  for (const id of ['%zz', 'x', 'a'.repeat(500), ID.toUpperCase()]) {
    const { problem } = await refused(t, app, { url: `/keys/${id}` }, 'invalid_request')
    t.match(problem.errors, [{ in: 'path' }])
  }
  for (const name of ['%00', '%2e%2e/%2e%2e/package.json', '..%2f..%5cpackage.json']) {
    const { statusCode, body } = await app.inject(`/docs/static/${name}`)
    t.ok([400, 404].includes(statusCode), name)
    if (statusCode === 400) t.match(JSON.parse(body).errors, [{ in: 'path' }], name)
    t.notMatch(body, 'dependencies', name)
  }
})

t.test('what the schema refuses is named, but never repeated', async (t) => {
  const app = await build(t)
  const marker = newKey()
  const send = async (body: object) => {
    const request = { method: 'POST', url: '/keys', headers: json, payload: JSON.stringify(body) } as const
    const { problem } = await refused(t, app, request, 'invalid_request')
    t.notMatch(JSON.stringify(problem), marker)
    return problem.errors
  }
  t.same(await send({ key: [marker], name: 'n' }), [
    { in: 'body', pointer: '/key', message: 'must be string' },
  ])
  t.same(await send({ key: 'k' }), [{ in: 'body', pointer: '/name', message: 'is required' }])
  t.same(await send({ key: 'k', name: 'n', [marker]: 1 }), [
    { in: 'body', pointer: '', message: 'has a property that is not known' },
  ])
  t.match(await send({ key: 'k', name: 'n', metadata: { [marker]: 1 } }), [
    { in: 'body', pointer: '/metadata' },
  ])
  t.match(await send({ key: 'k', name: 'n', expiresAt: marker }), [{ in: 'body', pointer: '/expiresAt' }])
  t.match(await send({ key: 'k', name: 5 }), [{ pointer: '/name' }])
  t.match(await send({ key: marker.repeat(600), name: 'n' }), [{ pointer: '/key' }])
  t.same((await call(app, 'GET', '/keys')).body.items, [], 'nothing was written')
})

t.test('NUL and half surrogate pairs are refused', async (t) => {
  const app = await build(t)
  for (const bad of ['\\u0000', '\\ud800', 'a\\udc00']) {
    for (const payload of [
      `{"key": "${bad}", "name": "n"}`,
      `{"key": "k", "name": "${bad}"}`,
      `{"key": "k", "name": "n", "metadata": {"a": "${bad}"}}`,
      `{"key": "k", "name": "n", "metadata": {"${bad}": "a"}}`,
    ]) {
      await refused(t, app, { method: 'POST', url: '/keys', headers: json, payload }, 'invalid_request')
    }
  }
  await refused(t, app, { url: '/events?subject=a%00b' }, 'invalid_request')
  await refused(t, app, { url: '/results?type=a%01processed' }, 'invalid_request')
})

t.test('unknown, repeated and malformed query parameters are refused', async (t) => {
  const app = await build(t)
  for (const query of [
    'x=1',
    'limit=1&limit=2',
    'limit=0',
    'limit=201',
    'limit=1e2',
    'limit=true',
    'limit=',
    'status=x',
  ]) {
    const { problem } = await refused(t, app, { url: `/keys?${query}` }, 'invalid_request')
    t.match(problem.errors, [{ in: 'query' }], query)
  }
  for (const url of ['/livez?x=1', '/stats?x=1', `/keys/${ID}?x=1`, '/results?since=2026-02-30T00:00:00Z']) {
    await refused(t, app, { url }, 'invalid_request')
  }
})

t.test('a query string that cannot be decoded is refused, not taken as it stands', async (t) => {
  const app = await build(t)
  for (const query of ['subject=100%', 'subject=%C3%28', 'type=a&subject=%zz', 'subject=%ED%A0%80'])
    await refused(t, app, { url: `/events?${query}` }, 'invalid_request')
  const { status } = await call(app, 'GET', '/events?subject=100%25+%C3%A9?')
  t.equal(status, 200)
})

t.test('an operation without a body takes none', async (t) => {
  const app = await build(t)
  const request = { method: 'POST', url: `/keys/${ID}/revoke`, headers: json } as const
  await refused(t, app, { ...request, payload: '{"reason": "x"}' }, 'invalid_request')
  await refused(t, app, { ...request, payload: '{}' }, 'not_found')
})

t.test('bytes that are not HTTP are answered with a problem, too', async (t) => {
  const app = await build(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const send = (bytes: string) =>
    new Promise<string>((resolve, reject) => {
      let answer = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
      socket.on('data', (chunk) => {
        answer += chunk
      })
      socket.on('end', () => resolve(answer)).on('error', reject)
    })
  t.match(
    await send('GARBAGE\r\n\r\n'),
    /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*"code":"invalid_request"/,
  )
  const huge = `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`
  t.match(await send(huge), /^HTTP\/1\.1 431 [\s\S]*"code":"headers_too_large"/)
})

t.test('a bug is 500, says nothing of itself to the client, and is in the log', async (t) => {
  const lines: string[] = []
  const app = await build(t, {}, { write: (line) => lines.push(line) })
  app.engine.get = () =>
    Promise.reject(Object.assign(new Error('the reason'), { command: { args: ['secret args'] } }))
  const { problem } = await refused(t, app, { url: `/keys/${ID}` }, 'internal_error')
  t.notMatch(JSON.stringify(problem), 'the reason')
  t.match(lines.join(''), 'the reason')
  t.match(lines.join(''), problem.requestId)
  t.notMatch(lines.join(''), 'secret args')
})

t.test('a body that is not UTF-8 is refused, so that two keys never become one', async (t) => {
  const app = await build(t)
  for (const byte of [0xff, 0xfe]) {
    const payload = Buffer.concat([
      Buffer.from('{"name":"n","key":"abc'),
      Buffer.from([byte]),
      Buffer.from('"}'),
    ])
    await refused(t, app, { method: 'POST', url: '/keys', headers: json, payload }, 'invalid_request')
  }
  t.strictSame((await call(app, 'GET', '/keys')).body.items, [])
})

t.test('a body that is nested too deep is refused at once, wherever it is sent', async (t) => {
  const app = await build(t)
  const size = 600_000
  for (const payload of [
    '['.repeat(size),
    `{"type":"a","data":${'['.repeat(size / 2 - 20)}${']'.repeat(size / 2 - 20)}}`,
    `"${'\\"'.repeat(size / 2)}`,
    '{"a":'.repeat(size / 6),
  ])
    for (const url of ['/keys', '/topics/orders/events', `/keys/${ID}/revoke`]) {
      const start = performance.now()
      await refused(t, app, { method: 'POST', url, headers: json, payload }, 'invalid_request')
      t.ok(performance.now() - start < 2000, 'it takes no long time')
    }
  const event = (levels: number) => `{"type":"a","data":${'['.repeat(levels)}${']'.repeat(levels)}}`
  const sent = { method: 'POST', url: '/topics/orders/events', headers: json } as const
  t.equal((await app.inject({ ...sent, payload: event(64) })).statusCode, 202)
  await refused(t, app, { ...sent, payload: event(65) }, 'invalid_request')
  const brackets = { key: newKey(), name: '[{'.repeat(90) }
  t.equal((await call(app, 'POST', '/keys', brackets)).status, 202, 'in a string they are none')
})
