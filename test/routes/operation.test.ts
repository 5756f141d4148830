import t from 'tap'
import { build, call, newKey, submit } from '../helper.js'

const none = { published: 0, processed: 0, dead: 0, pending: 0, retrying: 0, discarded: 0 }

t.test('the standard topics are there from the beginning', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  t.same((await call(app, 'GET', '/topics')).body, {
    items: ['key_submission', 'processing_results', 'profile_events'].map((topic) => ({ topic, ...none })),
  })
  await call(app, 'POST', '/keys', { key: newKey(), name: 'n' })
  const { body } = await call(app, 'GET', '/topics')
  t.match(body.items[0], { topic: 'key_submission', published: 1, pending: 1, processed: 0 })
})

t.test('stats: exact counters, conserved, and who handles what', async (t) => {
  const app = await build(t)
  await submit(app, { key: newKey() })
  const { status, body } = await call(app, 'GET', '/stats')
  t.equal(status, 200)
  t.match(body, {
    engine: 'embedded',
    topics: {
      key_submission: { ...none, published: 1, processed: 1 },
      processing_results: { ...none, published: 1 },
      profile_events: none,
    },
    conserved: true,
    oldestUnfinishedAt: null,
    processors: [{ id: String, partitions: [0] }],
  })
  t.ok(Number.isInteger(body.uptimeSeconds))
})

t.test('stats: what waits longest', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const { headers } = await call(app, 'POST', '/keys', { key: newKey(), name: 'n' })
  const event = await call(app, 'GET', `/events/${headers['keypost-event-id']}`)
  t.equal((await call(app, 'GET', '/stats')).body.oldestUnfinishedAt, event.body.time)
})

t.test('alive', async (t) => {
  const app = await build(t)
  t.match(await call(app, 'GET', '/livez'), { status: 200, body: { status: 'ok' } })
})

t.test('ready when events are taken and handled', async (t) => {
  const app = await build(t)
  await submit(app, { key: newKey() })
  t.match(await call(app, 'GET', '/readyz'), {
    status: 200,
    body: { status: 'ok', checks: { engine: { ok: true }, subscriber: { ok: true } } },
  })
})

t.test('not ready while nobody handles events', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  t.match(await call(app, 'GET', '/readyz'), {
    status: 503,
    headers: { 'retry-after': '1' },
    body: { status: 'unavailable', checks: { engine: { ok: true }, subscriber: { ok: false } } },
  })
})

t.test('Redis out of reach: alive, not ready, reads and writes 503, without waiting for it', async (t) => {
  const app = await build(t, { REDIS_URL: 'redis://127.0.0.1:1', KEY_PEPPER: 'p'.repeat(32) })
  t.equal((await call(app, 'GET', '/livez')).status, 200)
  t.match(await call(app, 'GET', '/readyz'), { status: 503, body: { checks: { engine: { ok: false } } } })
  for (const answer of [
    await call(app, 'POST', '/keys', { key: newKey(), name: 'n' }),
    await call(app, 'GET', '/keys'),
    await call(app, 'GET', '/stats'),
  ]) {
    t.match(answer, { status: 503, headers: { 'retry-after': '1' }, body: { code: 'unavailable' } })
  }
})
