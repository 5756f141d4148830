import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import t from 'tap'
import { failingHandler } from '../failing-handler.js'
import { build, call, folder, newKey, settled, until } from '../helper.js'
import { addressOf, run } from '../process.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const KEY_PEPPER = 'p'.repeat(32)
const unhandled = { SUBSCRIBER: 'off' }
const wait = (prefer: string, more: Record<string, string> = {}) => ({ prefer, ...more })
const aKey = () => ({ key: newKey(), name: 'a key' })

/** POSTs over a socket of its own. */
async function post(url: string, body: object, headers: Record<string, string> = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return { status: answer.status, headers: answer.headers, body: await answer.json() }
}

const keysAt = async (url: string): Promise<string[]> => {
  const { items } = (await (await fetch(`${url}/keys`)).json()) as { items: { id: string }[] }
  return items.map(({ id }) => id)
}

t.test('who waits gets the key as it is settled, with 201', async (t) => {
  const app = await build(t)
  const key = aKey()
  const first = await call(app, 'POST', '/keys', key, wait('wait=20'))
  t.match(first, {
    status: 201,
    headers: { 'preference-applied': 'wait=20', etag: '"2"', location: `/keys/${first.body.id}` },
    body: { status: 'accepted', version: 2 },
  })
  t.match(await call(app, 'GET', String(first.headers.location)), {
    headers: { etag: '"2"' },
    body: first.body,
  })
  t.match(await settled(app, first.headers['keypost-event-id']), { outcome: { code: 'accepted' } })

  t.match(await call(app, 'POST', '/keys', key, wait('wait=99')), {
    status: 201,
    headers: { 'preference-applied': 'wait=30' },
    body: { status: 'duplicate', duplicateOf: first.body.id },
  })
  const expired = { ...aKey(), expiresAt: '2001-01-01T00:00:00.000Z' }
  t.match(await call(app, 'POST', '/keys', expired, wait('respond-async, wait=20')), {
    status: 201,
    headers: { 'preference-applied': 'wait=20' },
    body: { status: 'rejected', reasons: ['expired'] },
  })
})

t.test('without a result in time it is 202 and the key as it was submitted', async (t) => {
  const app = await build(t, unhandled)
  const submitted = async (prefer: string) => {
    const started = performance.now()
    const { status, headers, body } = await call(app, 'POST', '/keys', aKey(), wait(prefer))
    t.match({ status, headers, body }, { status: 202, headers: { etag: '"1"' }, body: { status: 'pending' } })
    return { applied: headers['preference-applied'], ms: performance.now() - started }
  }
  const applied: Record<string, string | undefined> = {
    'wait=0': 'wait=0',
    'respond-async': 'respond-async',
    'respond-async;foo, wait=0': 'respond-async, wait=0',
    'return=minimal': undefined,
    'wait=soon': undefined,
    'wait="': undefined,
  }
  for (const [prefer, expected] of Object.entries(applied)) {
    const { applied, ms } = await submitted(prefer)
    t.equal(applied, expected, prefer)
    t.ok(ms < 900, `at once: ${ms} ms`)
  }
  for (const prefer of ['wait=1', 'respond-async, wait=1']) {
    const { applied, ms } = await submitted(prefer)
    t.equal(applied, prefer)
    t.ok(ms >= 990, `a second later: ${ms} ms`)
  }
  t.equal(app.outcomes.waiting, 0)
  const tooLong = await call(app, 'POST', '/keys', aKey(), wait(`a=${'b'.repeat(1000)}`))
  t.match(tooLong, { status: 400, body: { errors: [{ in: 'header', pointer: '/prefer' }] } })
})

t.test('an event on a topic of its own is answered with its result, whatever that is', async (t) => {
  const app = await build(t, { HANDLERS: await failingHandler(t) })
  const published = await call(
    app,
    'POST',
    '/topics/orders/events',
    { type: 'order.placed', data: {} },
    wait('wait=20'),
  )
  t.match(published, {
    status: 201,
    headers: { 'preference-applied': 'wait=20', location: `/events/${published.body.id}` },
    body: { topic: 'orders', status: 'processed', outcome: { code: 'recorded' } },
  })
  t.strictSame(published.body, await settled(app, published.headers['keypost-event-id']))

  const dead = { type: 'thing.happened', data: {} }
  t.match(await call(app, 'POST', '/topics/things/events', dead, wait('wait=20')), {
    status: 201,
    body: { status: 'dead', error: { code: 'no_luck' } },
  })
  t.match(await call(app, 'POST', '/topics/things/events', dead), { status: 202, body: { topic: 'things' } })
})

t.test('a client that goes away frees its place at once', async (t) => {
  const app = await build(t, unhandled)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  const client = request({
    port,
    path: '/keys',
    method: 'POST',
    headers: wait('wait=30', { 'content-type': 'application/json' }),
  })
  client.on('error', () => {}) // it hangs up
  client.end(JSON.stringify(aKey()))
  await until(() => app.outcomes.waiting === 1)
  const hungUp = performance.now()
  client.destroy()
  await until(() => app.outcomes.waiting === 0)
  t.ok(performance.now() - hungUp < 5000)
})

t.test('at the end of the service those who wait are answered', async (t) => {
  const app = await build(t, unhandled)
  const url = await app.listen({ port: 0 })
  const answer = post(`${url}/keys`, aKey(), wait('wait=30'))
  await until(() => app.outcomes.waiting === 1)
  const closing = performance.now()
  await app.close()
  t.match(await answer, { status: 202, body: { status: 'pending' } })
  t.ok(performance.now() - closing < 5000)
})

t.test('with an Idempotency-Key it is answered the same again', async (t) => {
  const app = await build(t)
  const key = aKey()
  const send = (prefer: string, id: string) =>
    call(app, 'POST', '/keys', key, wait(prefer, { 'idempotency-key': id }))
  const answers = await Promise.all([
    send('wait=20', 'one'),
    send('wait=20', 'one'),
    send('respond-async', 'one'),
  ])
  for (const { status, headers, body } of answers)
    t.match(
      { status, headers, body },
      { status: 201, headers: { 'preference-applied': 'wait=20', etag: '"2"' }, body: answers[0].body },
    )
  t.strictSame(
    answers.map(({ headers }) => headers['idempotent-replayed']),
    [undefined, 'true', 'true'],
  )
  const { body } = await send('respond-async', 'two')
  t.match(await send('wait=20', 'two'), {
    status: 202,
    headers: { 'idempotent-replayed': 'true', 'preference-applied': 'respond-async' },
    body,
  })
})

t.test('a crash during the wait is made good by sending again', async (t) => {
  const DATA_DIR = await folder(t)
  const crashed = await run(t, [], { ...unhandled, DATA_DIR })
  const key = aKey()
  const headers = wait('wait=20', { 'idempotency-key': 'x' })
  const before = await addressOf(crashed)
  const lost = post(`${before}/keys`, key, headers).catch(() => null)
  const [id] = await until(async () => (await keysAt(before)).length > 0 && keysAt(before))
  crashed.child.kill('SIGKILL')
  await crashed.exit
  t.equal(await lost, null)
  const url = await addressOf(await run(t, [], { DATA_DIR }))
  t.match(await post(`${url}/keys`, key, headers), { status: 201, body: { id, status: 'accepted' } })
  t.strictSame(await keysAt(url), [id], 'it was carried out once')
})

if (redisInstalled(t)) {
  t.test('another process may do the work', async (t) => {
    const env = { REDIS_URL: (await redisServer(t)).url, KEY_PEPPER }
    const url = await addressOf(await run(t, [], { ...env, ...unhandled }))
    const slow = post(`${url}/keys`, aKey(), wait('wait=30'))
    await run(t, ['process'], env)
    t.match(
      await slow,
      { status: 201, body: { status: 'accepted' } },
      'one that came after the client began to wait',
    )
    t.match(await post(`${url}/topics/orders/events`, { type: 'order.placed', data: {} }, wait('wait=30')), {
      status: 201,
      body: { status: 'processed' },
    })
  })

  t.test('when Redis goes away during the wait, what was acknowledged is 202', async (t) => {
    const server = await redisServer(t)
    const app = await build(t, { REDIS_URL: server.url, KEY_PEPPER, ...unhandled })
    const answer = call(app, 'POST', '/keys', aKey(), wait('wait=2'))
    await until(() => app.outcomes.waiting === 1)
    await server.kill()
    t.match(await answer, {
      status: 202,
      headers: { 'preference-applied': 'wait=2' },
      body: { status: 'pending' },
    })
    await server.start()
  })
}
