import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { Idempotency } from '../../src/bus/idempotency.js'
import type { Published } from '../../src/bus/publisher.js'
import type { Operation } from '../../src/domain/context.js'
import { build, call, folder, newKey, settled, submit, until } from '../helper.js'
import { type RedisServer, redisInstalled, redisServer } from '../redis-server.js'
import { bearer, entry } from '../tokens.js'

const KEY_PEPPER = 'a pepper of 32 characters or more'

interface Place {
  /** Keypost on the data of this test. */
  open(env?: Record<string, string>): Promise<FastifyInstance>
  /** All that is kept, as text. */
  dump(): Promise<string>
}

const embedded = async (t: Test): Promise<Place> => {
  const DATA_DIR = await folder(t)
  return {
    open: (env = {}) => build(t, { KEY_PEPPER, DATA_DIR, ...env }),
    dump: async () => {
      const files = (await readdir(DATA_DIR)).filter((name) => name.includes('mdb'))
      return (await Promise.all(files.map((name) => readFile(join(DATA_DIR, name), 'latin1')))).join()
    },
  }
}

async function onRedis(t: Test): Promise<Place> {
  const { url, client } = await redisServer(t)
  return {
    open: (env = {}) => build(t, { REDIS_URL: url, KEY_PEPPER, PARTITIONS: '3', ...env }),
    dump: () => dumpOf(client),
  }
}

async function dumpOf(client: RedisServer['client']): Promise<string> {
  const values = await Promise.all(
    (await client.keys('*')).map(async (key) => (await client.dumpBuffer(key)).toString('latin1')),
  )
  const claims = (await client.keys('*claims*')).map(async (key) =>
    (await client.type(key)) === 'hash' ? client.hgetall(key) : '',
  )
  return `${values}${JSON.stringify(await Promise.all(claims))}`
}

function onEach(name: string, run: (t: Test, place: Place) => Promise<void>): void {
  t.test(`${name}: embedded`, async (t) => run(t, await embedded(t)))
  t.test(`${name}: redis`, async (t) => {
    if (redisInstalled(t)) await run(t, await onRedis(t))
  })
}

const post = (app: FastifyInstance, url: string, body?: object, key = 'one key') =>
  call(app, 'POST', url, body, { 'idempotency-key': `"${key}"` })

type Response = Awaited<ReturnType<typeof post>>

/** All of an answer that must be the same. */
const gist = ({ status, headers, body }: Response) => ({
  status,
  body,
  headers: ['location', 'etag', 'keypost-event-id', 'content-type'].map((name) => headers[name]),
})

const eventsOf = async (app: FastifyInstance, type: string): Promise<{ id: string }[]> =>
  (await call(app, 'GET', `/events?type=${type}`)).body.items

/** Does what a request does until it has committed, and is gone then, like a process that is killed. */
async function crash(
  app: FastifyInstance,
  path: string,
  body: object,
  commit: (operation: Operation) => Promise<Published<unknown>>,
): Promise<Published<unknown>> {
  let published: Published<unknown> | undefined
  const before = new Idempotency(app.engine, [KEY_PEPPER])
  const killed = before.once([null, 'POST', path, 'one key'], { body, query: {} }, async (operation) => {
    published = await commit(operation)
    throw new Error('killed')
  })
  await killed.catch(() => {})
  if (published === undefined) throw new Error('nothing was committed')
  return published
}

onEach('a hundred at once with one key have one effect and one answer', async (t, { open }) => {
  const app = await open()
  const body = { key: newKey(), name: 'n' }
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      call(app, 'POST', '/keys', body, { 'idempotency-key': n % 2 ? 'bare\\' : '"bare\\\\"' }),
    ),
  )
  const [first] = answers
  if (first === undefined) throw new Error('no answer')
  t.match(first, { status: 202, body: { status: 'pending', version: 1, duplicateOf: null } })
  for (const answer of answers) t.strictSame(gist(answer), gist(first))
  t.equal(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true').length, 99)
  t.equal((await call(app, 'GET', '/keys')).body.items.length, 1)
  t.same(
    (await eventsOf(app, 'key.submitted')).map(({ id }) => id),
    [first.headers['keypost-event-id']],
  )
})

onEach('what was answered is answered, whatever became of it since', async (t, { open }) => {
  const app = await open()
  const body = { key: newKey(), name: 'n', metadata: { b: '2', a: '1' } }
  const first = await post(app, '/keys', body)
  t.equal(first.headers['idempotent-replayed'], undefined)
  await settled(app, first.headers['keypost-event-id'])
  t.match((await call(app, 'GET', `/keys/${first.body.id}`)).body, { status: 'accepted' })
  t.strictSame(gist(await post(app, '/keys', body)), gist(first))
  await call(app, 'DELETE', `/keys/${first.body.id}`)
  const last = await post(app, '/keys', { ...body, metadata: { a: '1', b: '2' } })
  t.strictSame(gist(last), gist(first))
  t.equal(last.headers['idempotent-replayed'], 'true')
})

onEach(
  'another body under the same key is a 422; what was refused is not remembered',
  async (t, { open }) => {
    const app = await open()
    const ada = { name: 'Ada', email: 'ada@example.com' }
    t.equal((await post(app, '/profiles', ada)).status, 201)
    t.match(await post(app, '/profiles', { ...ada, name: 'Eve' }), {
      status: 422,
      body: { code: 'idempotency_mismatch', errors: [{ in: 'header', pointer: '/idempotency-key' }] },
    })
    t.equal(
      (await post(app, '/keys', { key: newKey(), name: 'n' })).status,
      202,
      'another path, another scope',
    )
    t.equal((await post(app, '/profiles', { ...ada, name: 'Eve' }, 'other')).status, 409)
    t.equal((await post(app, '/profiles', { ...ada, email: 'eve@example.com' }, 'other')).status, 201)
  },
)

onEach('a crash between commit and answer of a submission: the retry answers, once', async (t, { open }) => {
  const app = await open()
  const body = { key: newKey(), name: 'n' }
  const { record, eventId } = await crash(app, '/keys', body, (operation) =>
    app.publisher.submitKey(body, operation),
  )
  await settled(app, eventId)
  const retried = await post(app, '/keys', body)
  t.match(retried, { status: 202, headers: { 'keypost-event-id': eventId, etag: '"1"' } })
  t.strictSame(retried.body, record)
  t.strictSame(gist(await post(app, '/keys', body)), gist(retried))
  t.equal((await call(app, 'GET', '/keys')).body.items.length, 1)
  t.equal((await eventsOf(app, 'key.submitted')).length, 1)
})

onEach('a crash between commit and answer of a duplicate, whose original is gone', async (t, { open }) => {
  const app = await open()
  const body = { key: newKey(), name: 'n' }
  const original = await submit(app, body)
  const { record } = await crash(app, '/keys', body, (operation) => app.publisher.submitKey(body, operation))
  await call(app, 'DELETE', `/keys/${original.id}`)
  const retried = await post(app, '/keys', body)
  t.match(retried, { status: 202, body: { duplicateOf: original.id } })
  t.strictSame(retried.body, record)
})

onEach('a crash between commit and answer of a revocation: also if the key is gone', async (t, { open }) => {
  const app = await open()
  for (const { gone, ifMatch } of [
    { gone: false, ifMatch: '"2"' },
    { gone: true, ifMatch: '*' },
  ]) {
    const { id } = await submit(app, { key: newKey() })
    const url = `/keys/${id}/revoke`
    const { record, eventId } = await crash(app, url, {}, (operation) =>
      app.publisher.revokeKey(id, null, operation),
    )
    if (gone) await call(app, 'DELETE', `/keys/${id}`)
    const headers = { 'idempotency-key': '"one key"', 'if-match': ifMatch }
    const retried = await call(app, 'POST', url, {}, headers)
    t.match(retried, { status: 200, headers: { 'keypost-event-id': eventId, etag: '"3"' } })
    t.strictSame(retried.body, record)
    t.match(await call(app, 'POST', url, undefined, headers), { headers: { 'idempotent-replayed': 'true' } })
    t.match(await call(app, 'POST', url, {}), { status: gone ? 404 : 200 })
  }
  t.equal((await eventsOf(app, 'key.revoked')).length, 2)
})

onEach('a crash between commit and answer of a profile, whose email moved on', async (t, { open }) => {
  const app = await open()
  const ada = { name: 'Ada', email: 'ada@example.com' }
  const { record, eventId } = await crash(app, '/profiles', ada, (operation) =>
    app.publisher.createProfile(ada, operation),
  )
  const { id } = record as { id: string }
  await call(app, 'PATCH', `/profiles/${id}`, { email: 'lovelace@example.com' })
  t.equal((await call(app, 'POST', '/profiles', ada)).status, 201, 'the email is free for another')
  const retried = await post(app, '/profiles', ada)
  t.match(retried, { status: 201, headers: { 'keypost-event-id': eventId, location: `/profiles/${id}` } })
  t.strictSame(retried.body, record)
  t.equal((await eventsOf(app, 'profile.created')).length, 2)
})

onEach('a key is 1 to 255 characters, bare or quoted, and asked for on POST alone', async (t, { open }) => {
  const app = await open()
  const ada = { name: 'Ada', email: 'ada@example.com' }
  const send = (key: string, method: 'POST' | 'PATCH' = 'POST', url = '/profiles') =>
    call(app, method, url, ada, { 'idempotency-key': key })
  for (const bad of ['', '""', '"', 'a b', 'a, b', '"a"b', 'a"', '"a\\b"', 'ä', 'x'.repeat(256)]) {
    const { status, body } = await send(bad)
    t.match({ status, body }, { status: 400, body: { code: 'invalid_request' } }, bad)
    t.match(body.errors, [{ in: 'header', pointer: '/idempotency-key' }])
  }
  const first = await send('x'.repeat(255))
  t.equal(first.status, 201)
  t.equal((await send(`"${'x'.repeat(255)}"`)).headers['idempotent-replayed'], 'true')
  t.equal((await send('"a \\" \\\\"')).status, 409)
  t.equal((await send('a b', 'PATCH', `/profiles/${first.body.id}`)).status, 200)
})

onEach('what is kept holds neither the submitted key nor the Idempotency-Key', async (t, { open, dump }) => {
  const app = await open()
  const [raw, idempotencyKey] = ['SECRET0123456789abcdefghijSECRET', 'an idempotency key of mine']
  const { body } = await post(app, '/keys', { key: raw, name: 'n' }, idempotencyKey)
  await until(async () => (await call(app, 'GET', `/keys/${body.id}`)).body.status === 'accepted')
  const kept = await dump()
  t.match(kept, /idempotency:[0-9a-f]{64}/)
  t.notMatch(kept, raw)
  t.notMatch(kept, idempotencyKey)
})

t.test('two processes at once on one Redis: one effect, one answer', async (t) => {
  if (!redisInstalled(t)) return
  const { open } = await onRedis(t)
  const apps = await Promise.all([open(), open()])
  const bodies = Array.from({ length: 10 }, () => ({ key: newKey(), name: 'n' }))
  for (const [n, body] of bodies.entries()) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => post(apps[i % 2] as FastifyInstance, '/keys', body, `key ${n}`)),
    )
    const [first] = answers
    if (first === undefined) throw new Error('no answer')
    t.match(first, { status: 202, body: { duplicateOf: null } })
    for (const answer of answers) t.strictSame(gist(answer), gist(first))
    const url = `/keys/${first.body.id}/revoke`
    const revoked = await Promise.all(
      Array.from({ length: 10 }, (_, i) => post(apps[i % 2] as FastifyInstance, url)),
    )
    for (const answer of revoked) {
      t.match(answer, { status: 200, headers: { 'keypost-event-id': /./ } })
      t.strictSame(gist(answer), gist(revoked[0] as Response))
    }
  }
  const [app] = apps as [FastifyInstance, FastifyInstance]
  t.equal((await eventsOf(app, 'key.submitted')).length, bodies.length)
  t.equal((await eventsOf(app, 'key.revoked')).length, bodies.length)
  t.equal((await call(app, 'GET', '/keys')).body.items.length, bodies.length)
})

t.test(
  'a key is its client’s: known by the next token of its name, and another for everyone else',
  async (t) => {
    const [old, next, other] = ['kp_old', 'kp_next', 'kp_other']
    const API_TOKENS = [
      entry(old, 'ci', 'write'),
      entry(next, 'ci', 'read+write'),
      entry(other, 'other', 'write'),
    ].join()
    const app = await build(t, { API_TOKENS })
    const headersOf = (token: string) => ({ ...bearer(token), 'idempotency-key': 'the-same' })
    const send = (token: string, name: string) =>
      call(app, 'POST', '/topics/orders/events', { type: name, data: {} }, headersOf(token))
    const first = await send(old, 'a')
    t.equal(first.status, 202)
    const again = await send(next, 'a')
    t.equal(again.headers['idempotent-replayed'], 'true')
    t.strictSame(again.body, first.body)
    const others = await send(other, 'a')
    t.equal(others.status, 202)
    t.equal(others.headers['idempotent-replayed'], undefined)
    t.not(others.body.id, first.body.id)
    t.equal((await send(other, 'b')).status, 422, 'of its own one')
  },
)
