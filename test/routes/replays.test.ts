import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build, call, newKey, submit, until } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const SINCE = '2020-01-01T00:00:00Z'
const UNKNOWN = '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f'

/** Keys are submitted and handled, then all of their events once more. */
async function replayed(t: Test, app: FastifyInstance): Promise<void> {
  const before = [await submit(app, { key: newKey() }), await submit(app, { key: newKey() })]
  const created = await call(app, 'POST', '/replays', { topic: 'key_submission', since: SINCE })
  const { id } = created.body
  t.match(created, { status: 202, headers: { location: `/replays/${id}` } })
  const { createdAt } = created.body
  t.strictSame(created.body, {
    ...{ id, topic: 'key_submission', types: null, since: '2020-01-01T00:00:00.000Z', until: createdAt },
    ...{ status: 'running', found: 0, replayed: 0, skipped: 0, createdAt, finishedAt: null },
  })
  const done = await until(async () => {
    const { body } = await call(app, 'GET', `/replays/${id}`)
    return body.status === 'done' && body
  })
  t.match(done, { id, found: 2, replayed: 2, skipped: 0, finishedAt: String })
  for (const { eventId, result: first } of before) {
    const second = await until(async () => {
      const { status, body } = await call(app, 'GET', `/results/${eventId}`)
      return status === 200 && body.replaces !== null && body
    })
    t.match(second, { status: 'processed', attempts: 1, publishedAt: first.publishedAt })
    const { body } = await call(app, 'GET', `/events/${second.replaces}`)
    t.match(body, { type: 'event.processed', data: { id: eventId, finishedAt: first.finishedAt } })
    const { body: timeline } = await call(app, 'GET', `/events/${eventId}/timeline`)
    t.strictSame(
      timeline.items.map(({ what }: { what: string }) => what),
      ['published', 'processed', 'replayed', 'delivered', 'processed'],
    )
  }
  const { body: stats } = await call(app, 'GET', '/stats')
  t.match(stats, { conserved: true, topics: { key_submission: { published: 2, processed: 2 } } })
  t.equal((await call(app, 'GET', '/results?topic=key_submission')).body.items.length, 2)
  t.strictSame((await call(app, 'GET', '/replays')).body, { items: [done] })
  const late = await call(app, 'DELETE', `/replays/${id}`)
  t.match(late, { status: 200, body: done })
}

t.test('events are replayed, and each new result replaces the old one', async (t) => {
  await replayed(t, await build(t))
})

t.test('the same on Redis', async (t) => {
  if (!redisInstalled(t)) return
  const { url } = await redisServer(t)
  const env = { REDIS_URL: url, KEY_PEPPER: 'a pepper of 32 characters or more', LEASE_MS: '2000' }
  await replayed(t, await build(t, { ...env, PARTITIONS: '2' }))
})

t.test('a replay can be cancelled, more than once', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const { body } = await call(app, 'POST', '/replays', { topic: 'things', since: SINCE, types: ['a'] })
  const cancelled = await call(app, 'DELETE', `/replays/${body.id}`)
  t.match(cancelled, { status: 200, body: { id: body.id, status: 'cancelled', types: ['a'] } })
  t.strictSame((await call(app, 'DELETE', `/replays/${body.id}`)).body, cancelled.body)
  t.strictSame((await call(app, 'GET', `/replays/${body.id}`)).body, cancelled.body)
  t.match(await call(app, 'GET', `/replays/${UNKNOWN}`), { status: 404, body: { code: 'not_found' } })
  t.match(await call(app, 'DELETE', `/replays/${UNKNOWN}`), { status: 404 })
})

t.test('a replay ends now at the latest, and one request makes one', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const send = () =>
    call(
      app,
      'POST',
      '/replays',
      { topic: 'things', since: '2020-01-01T01:00:00+01:00', until: '2200-01-01T00:00:00Z' },
      { 'idempotency-key': 'once' },
    )
  const [first, second] = await Promise.all([send(), send()])
  t.match(first.body, { since: '2020-01-01T00:00:00.000Z', until: first.body.createdAt })
  t.strictSame(second.body, first.body)
  t.equal((await call(app, 'GET', '/replays')).body.items.length, 1)
})

t.test('what cannot be replayed is refused', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const refused = async (body: object, pointer?: string) => {
    const answer = await call(app, 'POST', '/replays', body)
    t.match(answer, { status: 400, body: { code: 'invalid_request' } })
    if (pointer !== undefined) t.match(answer.body.errors, [{ in: 'body', pointer }])
  }
  await refused({ topic: 'things' }, '/since')
  await refused({ topic: 'processing_results', since: SINCE }, '/topic')
  await refused({ topic: 'things', since: SINCE, until: SINCE }, '/since')
  await refused({ topic: 'things', since: '2200-01-01T00:00:00Z' }, '/since')
  await refused({ topic: 'things', since: SINCE, types: [] }, '/types')
  await refused({ topic: 'things', since: SINCE, types: ['a', 'a'] }, '/types')
  await refused({ topic: 'Things', since: SINCE }, '/topic')
  await refused({ topic: 'things', since: SINCE, subject: 'a' })
  t.equal((await call(app, 'GET', '/replays?limit=1')).status, 400)
})
