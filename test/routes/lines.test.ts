import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { newId } from '../../src/domain/ids.js'
import { build, call, until } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const ACCEPT = { accept: 'application/x-ndjson' }

async function publish(app: FastifyInstance, count: number): Promise<void> {
  for (let n = 0; n < count; n += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, count - n) }, (_, i) =>
        call(app, 'POST', '/topics/things/events', { type: 'thing', data: n + i }),
      ),
    )
  await until(async () => (await call(app, 'GET', '/stats')).body.topics.things.processed === count)
}

/** Four pages that no buffer holds. */
const LARGE = 800
async function fill(app: FastifyInstance): Promise<void> {
  const data = 'x'.repeat(50_000)
  for (let n = 0; n < LARGE; n++)
    await app.engine.commit({
      operationId: newId(),
      placement: 0,
      events: [{ specversion: '1.0', id: newId(0), source: '/test', type: 'thing', topic: 'things', data }],
    })
}

const connectionsOf = (app: FastifyInstance): Promise<number> =>
  new Promise((done) => app.server.getConnections((_, count) => done(count)))

async function linesAt(app: FastifyInstance, url: string): Promise<unknown[]> {
  const { statusCode, headers, body } = await app.inject({ url, headers: ACCEPT })
  if (statusCode !== 200 || headers['content-type'] !== 'application/x-ndjson') throw new Error(body)
  return body
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

async function pagesAt(app: FastifyInstance, url: string): Promise<unknown[]> {
  const items: unknown[] = []
  for (let next: string | undefined = url; next !== undefined; ) {
    const { body, headers } = await call(app, 'GET', next)
    items.push(...body.items)
    next = /<(.+)>/.exec(String(headers.link))?.[1]
  }
  return items
}

/** The answer, of which nothing is read yet. */
async function begin(t: Test, url: string): Promise<IncomingMessage> {
  const sent = request(url, { headers: ACCEPT, agent: false }).end()
  t.teardown(() => sent.destroy())
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.on('error', () => {}) // it may be cut off
  return response
}

/** The answer with all of a large list, of which nothing is read yet, and how many pages were read for it. */
async function reading(t: Test, app: FastifyInstance) {
  await fill(app)
  let reads = 0
  const { list } = app.engine
  app.engine.list = (...args) => {
    reads++
    return list(...args)
  }
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const response = await begin(t, `${origin}/events?topic=things`)
  return { response, reads: () => reads }
}

function suite(t: Test, start: (t: Test, env?: Record<string, string>) => Promise<FastifyInstance>) {
  t.test('the lines are the pages put together, in either order, filtered or not', async (t) => {
    const app = await start(t)
    await publish(app, 450)
    for (const path of [
      '/results?',
      '/results?order=asc&topic=things&status=processed',
      '/results?status=dead',
      '/events?topic=things&order=asc',
      '/events?',
    ])
      t.same(await linesAt(app, path), await pagesAt(app, `${path}&limit=200`), path)
  })

  t.test('of pages alone: limit and cursor; what is wrong has a status', async (t) => {
    const app = await start(t)
    for (const query of ['limit=10', 'cursor=abc'])
      t.match(await call(app, 'GET', `/results?${query}`, undefined, ACCEPT), {
        status: 400,
        body: { code: 'invalid_request', errors: [{ in: 'query' }] },
      })
    const head = await app.inject({ method: 'HEAD', url: '/events', headers: ACCEPT })
    t.match([head.statusCode, head.headers['content-type'], head.body], [200, 'application/x-ndjson', ''])
  })

  t.test('a whole list takes the memory of a page, and no more than its client reads', async (t) => {
    const app = await start(t, { SUBSCRIBER: 'off' })
    const { response, reads } = await reading(t, app)
    await until(() => reads() > 0)
    // Whatever would go on by itself has had its time when other requests have been answered.
    for (let n = 0; n < 200; n++) await call(app, 'GET', '/livez')
    t.ok(reads() <= 2, `${reads()} pages were read for a client that takes nothing`)
    let bytes = 0
    for await (const chunk of response) bytes += chunk.length
    t.ok(response.complete)
    t.ok(bytes > LARGE * 50_000)
    t.ok(reads() >= LARGE / 200)
  })

  t.test('a client that leaves is not read for', async (t) => {
    const app = await start(t, { SUBSCRIBER: 'off' })
    const { response, reads } = await reading(t, app)
    response.destroy()
    await until(() => connectionsOf(app).then((count) => count === 0 || undefined))
    for (let n = 0; n < 50; n++) await call(app, 'GET', '/livez')
    t.ok(reads() <= 2, `${reads()} pages of 4`)
  })

  t.test('if the data goes out of reach half-way, the answer is cut', async (t) => {
    const app = await start(t, { SUBSCRIBER: 'off' })
    await fill(app)
    const response = await begin(t, `${await app.listen({ port: 0, host: '127.0.0.1' })}/events?topic=things`)
    await app.engine.close()
    response.resume()
    await until(() => response.closed)
    t.notOk(response.complete)
  })
}

t.test('embedded', async (t) => suite(t, (t, env) => build(t, env)))

if (redisInstalled(t))
  t.test('redis', async (t) => {
    suite(t, async (t, env) => {
      const { url } = await redisServer(t)
      return build(t, { REDIS_URL: url, KEY_PEPPER: 'a pepper of 32 characters or more', ...env })
    })
  })

t.test('who wants lines', async (t) => {
  const { wantsLines } = await import('../../src/accept.js')
  for (const accept of [
    'application/x-ndjson',
    'Application/X-NDJSON; charset=utf-8',
    'application/x-ndjson, */*',
    'application/json;q=0.5, application/x-ndjson;q=0.6',
    'application/x-ndjson;q=0.1, application/json;q=0',
  ])
    t.equal(wantsLines(accept), true, accept)
  for (const accept of [
    undefined,
    '',
    '*/*',
    'application/*',
    'application/json, application/x-ndjson',
    'application/x-ndjson;q=0.5, application/json',
    'application/x-ndjson;q=0.5, */*',
    'application/x-ndjson;q=0',
    'application/x-ndjson;q=2',
  ])
    t.equal(wantsLines(accept), false, String(accept))
})
