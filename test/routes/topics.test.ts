import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build, call, settled, until } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'
import { bearer, entry } from '../tokens.js'

const STRUCTURED = 'application/cloudevents+json; charset=utf-8'
const order = { type: 'order.placed', subject: 'orders/17', data: { total: 42 } }
const cloudEvent = { specversion: '1.0', id: 'a-17', source: '/shop', ...order }

const send = (app: FastifyInstance, body: unknown, headers: Record<string, string> = {}, topic = 'orders') =>
  app
    .inject({
      method: 'POST',
      url: `/topics/${topic}/events`,
      headers: { 'content-type': 'application/json', ...headers },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    })
    .then((response) => ({
      status: response.statusCode,
      headers: response.headers,
      body: response.json(),
    }))

const sendStructured = (app: FastifyInstance, body: unknown) =>
  send(app, body, { 'content-type': STRUCTURED })

const read = async (app: FastifyInstance, id: string) => (await call(app, 'GET', `/events/${id}`)).body
const count = async (app: FastifyInstance, topic = 'orders') =>
  (await call(app, 'GET', '/stats')).body.topics[topic]?.published ?? 0

/** Every form of an event, on any engine. */
async function forms(t: Test, app: FastifyInstance): Promise<void> {
  const short = await send(app, order)
  const { id, time } = short.body
  t.strictSame(short.body, { id, topic: 'orders', type: 'order.placed', subject: 'orders/17', time })
  t.match(short, { status: 202, headers: { location: `/events/${id}`, 'keypost-event-id': id } })
  t.strictSame(await read(app, id), {
    specversion: '1.0',
    id,
    source: '/keypost',
    type: 'order.placed',
    subject: 'orders/17',
    time,
    topic: 'orders',
    requestid: short.headers['x-request-id'],
    data: { total: 42 },
  })
  t.match(await settled(app, id), { status: 'processed', handler: 'record', outcome: { code: 'recorded' } })

  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  const extensions = { tenant: 'acme', priority: 3, urgent: true, dataschema: '/schemas/order', traceparent }
  const structured = await sendStructured(app, {
    ...cloudEvent,
    ...extensions,
    time: '2026-01-31T13:00:00+01:00',
  })
  t.equal(structured.status, 202)
  t.match(await read(app, structured.body.id), {
    id: structured.body.id,
    source: '/keypost',
    time: structured.body.time,
    clientid: 'a-17',
    clientsource: '/shop',
    clienttime: '2026-01-31T13:00:00+01:00',
    ...extensions,
    data: { total: 42 },
  })

  const binary = await send(app, [1, 'two'], {
    'ce-specversion': '1.0',
    'ce-id': 'b-1',
    'ce-source': '/shop',
    'CE-Type': 'order.placed',
    'ce-subject': 'orders/K%C3%B6ln%20%e2%82%ac 100%',
    'ce-tenant': '"ac\\"me"',
  })
  t.match(binary, { status: 202, body: { subject: 'orders/Köln € 100%' } })
  t.match(await read(app, binary.body.id), { clientid: 'b-1', tenant: 'ac"me', data: [1, 'two'] })

  const sentAgain = await sendStructured(app, {
    ...cloudEvent,
    ...extensions,
    time: '2026-01-31T13:00:00+01:00',
  })
  t.strictSame(sentAgain.body, structured.body, 'the same event is answered the same')
  t.equal(await count(app), 3, 'and is one')
  t.match((await sendStructured(app, { ...cloudEvent, data: 'another' })).body, {
    status: 422,
    code: 'idempotency_mismatch',
  })
  t.equal(await count(app), 3)

  const { topic } = (await send(app, order, {}, 'constructor')).body
  t.equal(await count(app, topic), 1, 'a topic may be called like what every object has')
  t.equal((await call(app, 'GET', '/topics')).status, 200)
}

t.test('short, structured and binary: an event is kept as it was sent, once', async (t) =>
  forms(t, await build(t)),
)

t.test('the same on Redis', async (t) => {
  if (!redisInstalled(t)) return
  const { url } = await redisServer(t)
  await forms(t, await build(t, { REDIS_URL: url, KEY_PEPPER: 'p'.repeat(32), LEASE_MS: '2000' }))
})

t.test('a CloudEvent may come as application/json, and without data', async (t) => {
  const app = await build(t)
  const { data, ...bare } = cloudEvent
  const { body } = await send(app, bare)
  t.match(await read(app, body.id), { clientid: 'a-17', data: null })
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': 's',
    'ce-type': 'ping',
    host: 'localhost',
  }
  const empty = await app.inject({ method: 'POST', url: '/topics/orders/events', headers })
  t.equal(empty.statusCode, 202)
  t.strictSame(empty.json().subject, null)
})

t.test('an event is known to have been sent when it is not kept any more', async (t) => {
  const app = await build(t, { EVENT_TTL_MS: '1', RESULT_TTL_MS: '1', LEASE_MS: '500' })
  const { body } = await sendStructured(app, cloudEvent)
  await until(async () => (await call(app, 'GET', `/events/${body.id}`)).status === 404)
  const again = await sendStructured(app, cloudEvent)
  t.match(again, { status: 202, body: { ...body, time: /Z$/ } })
  t.equal(await count(app), 1)
})

t.test('two that differ in topic, subject, source or id are two', async (t) => {
  const app = await build(t)
  const ids = new Set<string>()
  for (const other of [{}, { id: 'b' }, { source: '/other' }, { subject: 'orders/18' }])
    ids.add((await sendStructured(app, { ...cloudEvent, ...other })).body.id)
  ids.add((await send(app, cloudEvent, {}, 'other')).body.id)
  t.equal(ids.size, 5)
})

t.test('many at once that are the same are one', async (t) => {
  const app = await build(t, { PARTITIONS: '4' })
  const { subject, ...without } = cloudEvent
  const answers = await Promise.all(Array.from({ length: 20 }, () => sendStructured(app, without)))
  t.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1)
  t.equal(answers[0]?.status, 202)
  t.equal(await count(app), 1)
})

t.test('an Idempotency-Key belongs to headers and body alike', async (t) => {
  const app = await build(t)
  const key = { 'idempotency-key': 'k1' }
  const first = await send(app, order, key)
  const again = await send(app, order, key)
  t.strictSame(again.body, first.body)
  t.match(again.headers, { 'idempotent-replayed': 'true', location: first.headers.location })
  const binary = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/shop', 'ce-type': 'a' }
  t.equal((await send(app, {}, { ...binary, 'idempotency-key': 'k2' })).status, 202)
  const other = { ...binary, 'ce-type': 'b', 'idempotency-key': 'k2' }
  t.match((await send(app, {}, other)).body, { status: 422, code: 'idempotency_mismatch' })
  t.equal(await count(app), 2)
})

t.test('events of one subject are in one partition', async (t) => {
  const app = await build(t, { PARTITIONS: '64' })
  const idsOf = async (body: object) =>
    Promise.all(Array.from({ length: 8 }, async () => (await send(app, body)).body.id.slice(-4)))
  t.equal(new Set(await idsOf(order)).size, 1)
  t.ok(new Set(await idsOf({ type: 'order.placed', data: 1 })).size > 1, 'others are spread')
  t.not((await send(app, order, {}, 'other')).body.id.slice(-4), (await send(app, order)).body.id.slice(-4))
})

t.test('the topics of Keypost are its own', async (t) => {
  const app = await build(t)
  for (const topic of ['key_submission', 'profile_events', 'processing_results'])
    t.match((await send(app, order, {}, topic)).body, { status: 403, code: 'reserved_topic' })
})

t.test('the name of a topic is checked', async (t) => {
  const app = await build(t)
  for (const topic of ['Orders', '1st', '_x', 'a'.repeat(64), 'a%2Fb', '%00'])
    t.match((await send(app, order, {}, topic)).body, {
      status: 400,
      code: 'invalid_request',
      errors: [{ in: 'path' }],
    })
  t.equal((await send(app, order, {}, `a.b_c-${'d'.repeat(57)}`)).status, 202)
})

t.test('what is not an event is refused, and says where', async (t) => {
  const app = await build(t)
  const deep = `${'['.repeat(65)}${']'.repeat(65)}`
  const cases: [unknown, string][] = [
    [{ data: 1 }, '/type'],
    [{ type: 'a' }, '/data'],
    [{ ...order, id: 'mine' }, ''],
    [{ ...order, tenant: 'acme' }, ''],
    [{ ...order, type: 'a\u0000' }, '/type'],
    [{ ...order, type: 'a'.repeat(256) }, '/type'],
    [{ ...order, subject: '' }, '/subject'],
    [`{"type": "a", "data": ${deep}}`, ''],
    [[order], ''],
    ['"text"', ''],
    [{ ...cloudEvent, specversion: '0.3' }, '/specversion'],
    [{ ...cloudEvent, id: '' }, '/id'],
    [{ ...cloudEvent, id: 1 }, '/id'],
    [{ ...cloudEvent, source: '' }, '/source'],
    [{ ...cloudEvent, source: 'a b' }, '/source'],
    [{ ...cloudEvent, time: 'today' }, '/time'],
    [{ ...cloudEvent, datacontenttype: 'text/plain' }, '/datacontenttype'],
    [{ ...cloudEvent, topic: 'orders' }, ''],
    [{ ...cloudEvent, clientid: 'x' }, ''],
    [{ ...cloudEvent, changed: 'x' }, ''],
    [{ ...cloudEvent, data_base64: 'aGk=' }, ''],
    [{ ...cloudEvent, CamelCase: 'x' }, ''],
    [{ ...cloudEvent, ['x'.repeat(21)]: 'x' }, ''],
    [{ ...cloudEvent, ext: { a: 1 } }, ''],
    [{ ...cloudEvent, ext: 1.5 }, ''],
    [{ ...cloudEvent, ext: 'x'.repeat(1001) }, ''],
    [{ ...cloudEvent, ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`e${i}`, i])) }, ''],
  ]
  for (const [body, pointer] of cases) {
    const answer = await send(app, body)
    const [error] = answer.body.errors
    const what = JSON.stringify(body).slice(0, 80)
    t.equal(answer.status, 400, what)
    t.match(error, { in: 'body', pointer }, what)
    t.notMatch(JSON.stringify(answer.body), /CamelCase|xxxx|acme|mine/, 'nothing is echoed')
  }
  const { specversion, ...unmarked } = cloudEvent
  t.match((await sendStructured(app, unmarked)).body.errors, [{ in: 'body', pointer: '/specversion' }])
  t.equal(await count(app), 0)
})

t.test('of the binary mode, the header that is wrong is named', async (t) => {
  const app = await build(t)
  const good = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/shop', 'ce-type': 'a' }
  const cases: [Record<string, string>, string][] = [
    [{ 'ce-type': '' }, '/ce-type'],
    [{ 'ce-specversion': '2.0' }, '/ce-specversion'],
    [{ 'ce-time': 'today' }, '/ce-time'],
    [{ 'ce-subject': '%ff' }, '/ce-subject'],
    [{ 'ce-subject': 'K\u00f6ln' }, '/ce-subject'],
    [{ 'ce-datacontenttype': 'application/json' }, '/ce-datacontenttype'],
    [{ 'ce-data': '1' }, '/ce-data'],
    [{ 'ce-data_base64': '1' }, ''],
    [{ 'ce-secret_name': '%ff' }, ''],
    [{ 'ce-__proto__': '1' }, ''],
  ]
  for (const [headers, pointer] of cases) {
    const { status, body } = await send(app, {}, { ...good, ...headers })
    t.match({ status, errors: body.errors }, { status: 400, errors: [{ in: 'header', pointer }] }, pointer)
    t.notMatch(JSON.stringify(body), /secret_name|today/)
  }
  const { body } = await send(app, {}, { 'ce-type': 'a' })
  t.same(body.errors.map((error: { pointer: string }) => error.pointer).sort(), [
    '/ce-id',
    '/ce-source',
    '/ce-specversion',
  ])
  const deep = await send(app, `${'['.repeat(65)}${']'.repeat(65)}`, good)
  t.match(deep.body.errors, [{ in: 'body', pointer: '' }])
})

t.test('batches, other media types and bodies that are too large are refused', async (t) => {
  const app = await build(t)
  const batch = await send(app, [cloudEvent], { 'content-type': 'application/cloudevents-batch+json' })
  t.match(batch.body, { status: 415, code: 'unsupported_media_type', detail: /Batches are not taken/ })
  t.equal((await send(app, 'hi', { 'content-type': 'text/plain' })).status, 415)
  t.equal((await send(app, { ...order, data: 'x'.repeat(700_000) })).status, 413)
  t.equal((await send(app, { ...order, data: 'x'.repeat(600_000) })).status, 202)
  const elsewhere = await app.inject({
    method: 'POST',
    url: '/keys',
    headers: { 'content-type': STRUCTURED },
    payload: '{}',
  })
  t.equal(elsewhere.statusCode, 415, 'CloudEvents are taken by topics alone')
})

t.test('too many unfinished events: 503', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off', MAX_UNFINISHED: '1' })
  t.equal((await send(app, order)).status, 202)
  t.match(await send(app, order), { status: 503, body: { code: 'backlog_full' } })
})

t.test('a CloudEvent is the same again only if the same client sends it', async (t) => {
  const [old, next, other] = ['kp_old', 'kp_next', 'kp_other']
  const tokens = [entry(old, 'ci', 'write'), entry(next, 'ci', 'write'), entry(other, 'other', 'write')]
  const app = await build(t, { API_TOKENS: tokens.join() })
  for (const subject of [undefined, 'orders/1']) {
    const event = {
      specversion: '1.0',
      id: '1',
      source: '/shop',
      type: 'order.placed',
      ...(subject && { subject }),
    }
    const send = (token: string, data: object) =>
      call(
        app,
        'POST',
        '/topics/orders/events',
        { ...event, data },
        {
          ...bearer(token),
          'content-type': 'application/cloudevents+json',
        },
      )
    const guessed = await send(other, { total: 0 })
    const first = await send(old, { total: 1 })
    t.strictSame(
      [guessed.status, first.status],
      [202, 202],
      'who guesses an id does not keep it from its owner',
    )
    t.not(first.body.id, guessed.body.id)
    t.equal((await send(next, { total: 1 })).body.id, first.body.id, 'after a rotation it is still the same')
    t.equal((await send(old, { total: 2 })).status, 422)
  }
})
