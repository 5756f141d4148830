import type { FastifyInstance, InjectOptions } from 'fastify'
import t from 'tap'
import { build, call, newKey, until } from '../helper.js'
import { API_TOKENS, bearer, TOKENS } from '../tokens.js'

const REQUEST_ID = '4d5e6f70-8192-4a3b-8c4d-5e6f708192a3'
const NOTHING = '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f'
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'] as const

interface Operation {
  responses: Record<string, { headers?: Record<string, object> }>
}

/** Every path of the document, with what its parameters can be. */
async function pathsOf(app: FastifyInstance) {
  const headers = bearer(TOKENS.all)
  const key = await call(app, 'POST', '/keys', { key: newKey(), name: 'n' }, headers)
  const event = String(key.headers['keypost-event-id'])
  const profile = await call(app, 'POST', '/profiles', { name: 'n', email: 'a@example.com' }, headers)
  const ids: Record<string, string> = {
    keys: key.body.id,
    profiles: profile.body.id,
    events: event,
    results: event,
  }
  await until(async () => (await call(app, 'GET', `/results/${event}`, undefined, headers)).status === 200)
  const paths = app.swagger().paths as unknown as Record<string, Record<string, Operation>>
  return Object.entries(paths).map(([path, operations]) => {
    const [, collection = ''] = path.split('/')
    const url = path.replace('{id}', ids[collection] ?? NOTHING).replace('{topic}', 'things')
    return { path, url, operations }
  })
}

const methodsOf = (operations: object) => Object.keys(operations).map((method) => method.toUpperCase())

t.test('every path answers HEAD, OPTIONS and what it does not know, and no answer is kept', async (t) => {
  const app = await build(t, { API_TOKENS, RATE_LIMIT: '1000000' })
  const headers = { ...bearer(TOKENS.all), 'x-request-id': REQUEST_ID }
  const send = async (request: InjectOptions, limited = true) => {
    const answer = await app.inject({ headers, ...request })
    const what = `${request.method} ${request.url}`
    t.equal(answer.headers['cache-control'], 'no-store', what)
    t.equal(answer.headers['x-request-id'], REQUEST_ID, what)
    t.equal('ratelimit' in answer.headers && 'ratelimit-policy' in answer.headers, limited, what)
    return answer
  }
  const paths = await pathsOf(app)
  t.ok(paths.length > 20, 'they are found')
  for (const { path, url, operations } of paths) {
    const limited = Object.values(operations).every(({ responses }) => '429' in responses)
    const documented = methodsOf(operations)
    // /dead-letters/redrive could be one of /dead-letters/{id}, too.
    const fitting = paths.filter((other) =>
      new RegExp(`^${other.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(url),
    )
    const known = new Set(fitting.flatMap((other) => methodsOf(other.operations)))
    const allowed = [...known, 'OPTIONS', ...(known.has('GET') ? ['HEAD'] : [])].sort()

    const options = await send({ method: 'OPTIONS', url })
    t.match(options, { statusCode: 204, body: '' }, path)
    t.equal(options.headers.allow, allowed.join(', '), path)

    if (documented.includes('GET')) {
      const head = await send({ method: 'HEAD', url }, limited)
      t.equal(head.body, '', path)
      if (path !== '/events/stream') {
        const get = await send({ method: 'GET', url }, limited)
        t.equal(head.statusCode, get.statusCode, path)
        for (const name of ['content-type', 'etag', 'link', 'vary', 'retry-after'])
          t.equal(head.headers[name], get.headers[name], `${path} ${name}`)
      }
    }
    for (const method of METHODS.filter((method) => !allowed.includes(method))) {
      const refused = await send({ method: method as 'GET', url })
      t.equal(refused.statusCode, 405, `${method} ${path}`)
      t.equal(refused.headers.allow, allowed.join(', '), `${method} ${path}`)
      if (method !== 'HEAD') t.equal(refused.json().code, 'method_not_allowed')
    }
    const anonymous = await app.inject({ method: (documented[0] ?? 'GET') as 'GET', url: `${url}?no=1` })
    t.ok([400, 401].includes(anonymous.statusCode), path)
    t.match(anonymous.headers, { 'cache-control': 'no-store', 'x-request-id': /^[0-9a-f-]{36}$/ }, path)
    t.notOk('ratelimit' in anonymous.headers, path)
  }
})
