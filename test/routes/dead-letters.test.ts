import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { Engine } from '../../src/engines/engine.js'
import type { DeadLetter } from '../../src/schemas/dead-letter.js'
import { recorded, subscribe, things } from '../bus/fixtures.js'
import { publish } from '../engines/contract/fixtures.js'
import { build, call, settled, until } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const UNKNOWN = '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f'

/** Handles things, and fails while `broken`. */
function handling(t: Test, app: FastifyInstance, { broken = true } = {}) {
  const state = { broken, attempts: 0 }
  const handler = things(() => {
    state.attempts++
    if (state.broken) throw Object.assign(new Error('it is broken'), { code: 'broken' })
    return recorded
  })
  const { stop } = subscribe(t, app.engine, [handler], { maxAttempts: 2 })
  return { state, stop }
}

async function die(engine: Engine, count: number, rest: object = {}): Promise<string[]> {
  const ids = await publish(engine, count, 0, rest)
  for (const id of ids) await until(async () => (await engine.get('results', id))?.status === 'dead')
  return ids
}

const counters = async (app: FastifyInstance) => {
  const { body } = await call(app, 'GET', '/stats')
  return { ...body.topics.things, conserved: body.conserved }
}

const listed = async (app: FastifyInstance, query = '') =>
  (await call(app, 'GET', `/dead-letters?${query}`)).body.items.map(({ id }: DeadLetter) => id)

/** The life of one dead letter, on any engine. */
async function redriven(t: Test, app: FastifyInstance): Promise<void> {
  const { state } = handling(t, app)
  const [id = ''] = await die(app.engine, 1, { subject: 'things/a' })
  const none = { published: 1, processed: 0, dead: 0, pending: 0, retrying: 0, discarded: 0, conserved: true }
  t.strictSame(await counters(app), { ...none, dead: 1 })
  const before = (await call(app, 'GET', `/results/${id}`)).body
  const { body: letter } = await call(app, 'GET', `/dead-letters/${id}`)
  t.match(letter, {
    id,
    topic: 'things',
    type: 'thing.happened',
    subject: 'things/a',
    error: { code: 'broken', message: 'it is broken' },
    handler: 'things/thing.happened',
    attempts: [{ error: { code: 'broken' } }, { error: { code: 'broken' } }],
    publishedAt: before.publishedAt,
    diedAt: before.finishedAt,
    redrives: 0,
  })
  t.strictSame(letter.event, (await call(app, 'GET', `/events/${id}`)).body)
  t.strictSame((await call(app, 'GET', '/dead-letters')).body, { items: [letter], nextCursor: null })

  const again = await call(app, 'POST', `/dead-letters/${id}/redrive`)
  t.match(again, { status: 202, headers: { location: `/results/${id}` } })
  t.match(again.body, { id, topic: 'things', type: 'thing.happened', subject: 'things/a' })
  await until(async () => (await listed(app)).length === 1)
  t.match((await call(app, 'GET', `/dead-letters/${id}`)).body, { redrives: 1, attempts: { length: 2 } })
  t.strictSame(await counters(app), { ...none, dead: 1 }, 'it died again')

  state.broken = false
  t.equal((await call(app, 'POST', `/dead-letters/${id}/redrive`)).status, 202)
  const result = await until(async () => {
    const { status, body } = await call(app, 'GET', `/results/${id}`)
    return status === 200 && body.status === 'processed' && body
  })
  t.match(result, { attempts: 1, error: null, outcome: recorded.outcome })
  const announced = await call(app, 'GET', `/events/${result.replaces}`)
  t.match(announced.body, { type: 'event.dead', data: { id, status: 'dead' } })
  t.strictSame(await counters(app), { ...none, processed: 1 })
  t.strictSame(await listed(app), [])
  t.equal((await call(app, 'GET', `/dead-letters/${id}`)).status, 404)
  const refused = await call(app, 'POST', `/dead-letters/${id}/redrive`)
  t.match(refused, { status: 409, body: { code: 'not_dead' } })

  const { body: timeline } = await call(app, 'GET', `/events/${id}/timeline`)
  const round = ['delivered', 'failed', 'retry', 'delivered', 'failed', 'dead', 'redriven']
  t.strictSame(
    timeline.items.map(({ what }: { what: string }) => what),
    ['published', ...round, ...round, 'delivered', 'processed'],
  )
}

t.test('a dead letter is redriven, dies again, is redriven and processed', async (t) => {
  await redriven(t, await build(t, { SUBSCRIBER: 'off' }))
})

t.test('the same on Redis', async (t) => {
  if (!redisInstalled(t)) return
  const { url } = await redisServer(t)
  const env = { REDIS_URL: url, KEY_PEPPER: 'a pepper of 32 characters or more', PARTITIONS: '1' }
  await redriven(t, await build(t, { ...env, SUBSCRIBER: 'off' }))
})

t.test('an event that is waiting or unknown cannot be redriven, discarded or read as dead', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const [id] = await publish(app.engine, 1)
  for (const unread of [id, UNKNOWN]) {
    t.match(await call(app, 'GET', `/dead-letters/${unread}`), { status: 404, body: { code: 'not_found' } })
    t.match(await call(app, 'DELETE', `/dead-letters/${unread}`), { status: 404 })
  }
  t.match(await call(app, 'POST', `/dead-letters/${id}/redrive`), { status: 409, body: { code: 'not_dead' } })
  const unknown = await call(app, 'POST', `/dead-letters/${UNKNOWN}/redrive`)
  t.match(unknown, { status: 404, body: { code: 'not_found' } })
})

t.test('many are redriven by filter, after they were counted', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const { state } = handling(t, app)
  const [first] = await die(app.engine, 3)
  const special = await die(app.engine, 2, { subject: 'things/b' })
  const redrive = async (body: object) => (await call(app, 'POST', '/dead-letters/redrive', body)).body
  state.attempts = 0
  state.broken = false

  const counted = { dryRun: true, redriven: 0, more: false }
  t.strictSame(await redrive({ dryRun: true }), { ...counted, matched: 5 })
  t.strictSame(await redrive({ dryRun: true, subject: 'things/b' }), { ...counted, matched: 2 })
  t.strictSame(await redrive({ dryRun: true, topic: 'others' }), { ...counted, matched: 0 })
  const { body: one } = await call(app, 'GET', `/dead-letters/${special[0]}`)
  t.match(await redrive({ dryRun: true, type: 'thing.happened', since: one.diedAt }), { dryRun: true })
  t.match(await redrive({ dryRun: true, until: '2020-01-01T00:00:00Z' }), { matched: 0 })
  t.match(await counters(app), { dead: 5, pending: 0 }, 'counting changes nothing')
  t.equal(state.attempts, 0)

  const done = { dryRun: false, more: false }
  t.strictSame(await redrive({ subject: 'things/b' }), { ...done, matched: 2, redriven: 2 })
  await until(async () => (await counters(app)).processed === 2)
  t.match(await counters(app), { dead: 3, conserved: true })
  t.ok((await listed(app)).includes(first))
  t.strictSame(await redrive({}), { ...done, matched: 3, redriven: 3 })
  await until(async () => (await counters(app)).processed === 5)
  t.equal(state.attempts, 5)
  t.strictSame(await redrive({}), { ...done, matched: 0, redriven: 0 })
})

t.test('a redrive with an Idempotency-Key happens once', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  handling(t, app)
  const [id] = await die(app.engine, 1)
  const send = () =>
    call(app, 'POST', `/dead-letters/${id}/redrive`, undefined, { 'idempotency-key': 'once' })
  const first = await send()
  await until(async () => (await listed(app)).length === 1)
  const second = await send()
  t.match(second, { status: 202, headers: { 'idempotent-replayed': 'true' }, body: first.body })
  t.match((await call(app, 'GET', `/dead-letters/${id}`)).body, { redrives: 1 })
})

t.test('a discarded dead letter is gone, its result stays, and it stays counted', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  handling(t, app)
  const [id, other] = await die(app.engine, 2)
  t.equal((await call(app, 'DELETE', `/dead-letters/${id}`)).status, 204)
  t.strictSame(await listed(app), [other])
  t.equal((await call(app, 'GET', `/dead-letters/${id}`)).status, 404)
  t.equal((await call(app, 'DELETE', `/dead-letters/${id}`)).status, 404)
  t.match(await call(app, 'POST', `/dead-letters/${id}/redrive`), { status: 409, body: { code: 'not_dead' } })
  t.match(await call(app, 'POST', '/dead-letters/redrive', { dryRun: true }), { body: { matched: 1 } })
  t.match(await settled(app, id), { status: 'dead' })
  t.equal((await call(app, 'GET', '/results?status=dead')).body.items.length, 2)
  t.match(await counters(app), { dead: 2, discarded: 1, conserved: true })
})

t.test('dead letters are listed newest first, by every filter and in pages', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  handling(t, app)
  const [a = '', b = ''] = [
    ...(await die(app.engine, 1, { subject: 'things/a' })),
    ...(await die(app.engine, 1, { subject: 'things/b' })),
  ]
  t.strictSame(await listed(app), [b, a])
  t.strictSame(await listed(app, 'order=asc'), [a, b])
  t.strictSame(await listed(app, 'subject=things/a'), [a])
  t.strictSame(await listed(app, 'topic=things&type=thing.happened'), [b, a])
  t.strictSame(await listed(app, 'topic=others'), [])
  const { body } = await call(app, 'GET', `/dead-letters/${b}`)
  t.strictSame(await listed(app, `since=${body.diedAt}`), [b])
  t.strictSame(await listed(app, `until=${body.diedAt}`), [a])
  const page = await call(app, 'GET', '/dead-letters?limit=1')
  t.match(page.headers.link, /rel="next"/)
  t.strictSame(await listed(app, `limit=1&cursor=${page.body.nextCursor}`), [a])
})

t.test('what the contract does not know is refused', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  for (const url of ['/dead-letters?status=dead', '/dead-letters?cursor=x', '/dead-letters/x'])
    t.equal((await call(app, 'GET', url)).status, 400, url)
  for (const body of [{ status: 'dead' }, { dryRun: 'true' }, { since: 'x' }, { limit: 3 }])
    t.match(await call(app, 'POST', '/dead-letters/redrive', body), { status: 400 })
  t.equal((await call(app, 'POST', '/dead-letters/redrive')).status, 400, 'that all are meant is said')
})

t.test('an event that was lost is a dead letter without an event, and cannot be redriven', async (t) => {
  if (!redisInstalled(t)) return
  const { url, client } = await redisServer(t)
  const env = { REDIS_URL: url, KEY_PEPPER: 'a pepper of 32 characters or more', PARTITIONS: '1' }
  const app = await build(t, { ...env, SUBSCRIBER: 'off' })
  const [id = ''] = await publish(app.engine, 1, 0, { subject: 'things/a' })
  await client.xtrim('keypost:{0}:log', 'MAXLEN', 0)
  handling(t, app)
  t.match(await settled(app, id), { status: 'dead' })
  const { body: letter } = await call(app, 'GET', `/dead-letters/${id}`)
  t.match(letter, { id, topic: 'things', error: { code: 'event_lost' }, attempts: [], event: null })
  t.strictSame((await call(app, 'GET', '/dead-letters')).body.items, [letter])
  const refused = { status: 409, body: { code: 'event_lost' } }
  t.match(await call(app, 'POST', `/dead-letters/${id}/redrive`), refused)
  t.match(await call(app, 'DELETE', `/dead-letters/${id}`), refused)
  const { body: report } = await call(app, 'POST', '/dead-letters/redrive', {})
  t.match(report, { matched: 1, redriven: 0 })
  t.match(await counters(app), { dead: 1, discarded: 0, conserved: true })
})
