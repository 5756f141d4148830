import t from 'tap'
import { build, call, newKey, submit } from '../helper.js'

t.test('the timeline of an event that was processed', async (t) => {
  const app = await build(t)
  const { eventId, result } = await submit(app, { key: newKey() })
  const { status, body } = await call(app, 'GET', `/events/${eventId}/timeline`)
  t.equal(status, 200)
  t.match(body.items, [
    { at: result.publishedAt, what: 'published' },
    { what: 'delivered', attempt: 1, processor: String },
    { at: result.finishedAt, what: 'processed' },
  ])
  t.equal(body.items.length, 3)
  const times = body.items.map(({ at }: { at: string }) => at)
  t.strictSame(times, times.toSorted())
})

t.test('one that waits has only been published', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const { headers } = await call(app, 'POST', '/keys', { key: newKey(), name: 'n' })
  const { body } = await call(app, 'GET', `/events/${headers['keypost-event-id']}/timeline`)
  t.match(body, { items: [{ what: 'published' }] })
  t.equal(body.items.length, 1)
})

t.test('an unknown event and an announcement have none', async (t) => {
  const app = await build(t)
  await submit(app, { key: newKey() })
  const { body } = await call(app, 'GET', '/events?topic=processing_results')
  for (const id of [body.items[0].id, '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f']) {
    const refused = await call(app, 'GET', `/events/${id}/timeline`)
    t.match(refused, { status: 404, body: { code: 'not_found' } })
  }
  t.equal((await call(app, 'GET', '/events/x/timeline')).status, 400)
})
