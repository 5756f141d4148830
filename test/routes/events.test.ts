import t from 'tap'
import { build, call, newKey, submit } from '../helper.js'

const UNKNOWN = '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f'

t.test('an event is a CloudEvent', async (t) => {
  const app = await build(t, { KEYPOST_SOURCE: '/keypost/test' })
  const { id, eventId } = await submit(app, { key: newKey() })
  const { status, body } = await call(app, 'GET', `/events/${eventId}`)
  t.equal(status, 200)
  t.match(body, {
    specversion: '1.0',
    id: eventId,
    source: '/keypost/test',
    type: 'key.submitted',
    subject: `keys/${id}`,
    topic: 'key_submission',
    time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    data: { id, status: 'pending', version: 1 },
  })
  t.match(await call(app, 'GET', `/events/${UNKNOWN}`), { status: 404, body: { code: 'not_found' } })
})

t.test('the announcement of a result is an event whose data is the result', async (t) => {
  const app = await build(t)
  const { result, eventId } = await submit(app, { key: newKey() })
  const { body } = await call(app, 'GET', '/events?topic=processing_results')
  t.match(body.items, [{ type: 'event.processed', subject: result.subject, time: result.finishedAt }])
  t.same(body.items[0].data, result)
  const one = await call(app, 'GET', `/events/${body.items[0].id}`)
  t.same(one.body, body.items[0])
  t.not(one.body.id, eventId)
})

t.test('the log is listed newest first, and by every filter', async (t) => {
  const app = await build(t)
  const { id, eventId } = await submit(app, { key: newKey() })
  const ids = async (query: string) =>
    (await call(app, 'GET', `/events?${query}`)).body.items.map((e: { id: string }) => e.id)
  const [announcement, submitted] = await ids('')
  t.equal(submitted, eventId)
  t.same(await ids('order=asc'), [submitted, announcement])
  t.same(await ids('topic=key_submission'), [submitted])
  t.same(await ids('type=event.processed'), [announcement])
  t.same(await ids('type=event.dead'), [])
  t.same((await ids(`subject=keys/${id}`)).includes(submitted), true)
  t.same(await ids(`subject=keys/${UNKNOWN}`), [])
  const { time } = (await call(app, 'GET', `/events/${submitted}`)).body
  t.ok((await ids(`since=${time}`)).includes(submitted))
  t.notOk((await ids(`until=${time}`)).includes(submitted))
})
