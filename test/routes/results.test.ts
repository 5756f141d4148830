import t from 'tap'
import { build, call, newKey, submit, until } from '../helper.js'

const UNKNOWN = '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f'

t.test('an event without a result yet: 404 result_pending, and when to ask again', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const { headers } = await call(app, 'POST', '/keys', { key: newKey(), name: 'n' })
  const pending = await call(app, 'GET', `/results/${headers['keypost-event-id']}`)
  t.match(pending, { status: 404, headers: { 'retry-after': '1' }, body: { code: 'result_pending' } })
  const unknown = await call(app, 'GET', `/results/${UNKNOWN}`)
  t.match(unknown, { status: 404, body: { code: 'not_found' } })
  t.notOk(unknown.headers['retry-after'])
})

t.test('a result has every field of its contract', async (t) => {
  const app = await build(t)
  const { id, eventId, result } = await submit(app, { key: newKey() })
  t.strictSame(Object.keys(result), [
    ...['id', 'topic', 'type', 'subject', 'status', 'handler', 'attempts', 'outcome', 'error'],
    ...['publishedAt', 'finishedAt', 'latencyMs', 'replaces', 'durationMs'],
  ])
  t.match(result, { id: eventId, subject: `keys/${id}`, status: 'processed', attempts: 1, error: null })
  t.equal(result.latencyMs, Date.parse(result.finishedAt) - Date.parse(result.publishedAt))
})

t.test('an announcement has no result of its own', async (t) => {
  const app = await build(t)
  await submit(app, { key: newKey() })
  const { body } = await call(app, 'GET', '/events?topic=processing_results')
  t.equal(body.items[0].type, 'event.processed')
  t.match(await call(app, 'GET', `/results/${body.items[0].id}`), {
    status: 404,
    body: { code: 'not_found' },
  })
})

t.test('results are listed newest first, and by every filter', async (t) => {
  const app = await build(t)
  const one = await submit(app, { key: newKey() })
  const profile = await call(app, 'POST', '/profiles', { name: 'Ada', email: 'ada@example.com' })
  const two = { eventId: String(profile.headers['keypost-event-id']) }
  await until(async () => (await call(app, 'GET', `/results/${two.eventId}`)).status === 200)
  const three = await submit(app, { key: newKey() })
  const ids = async (query: string) =>
    (await call(app, 'GET', `/results?${query}`)).body.items.map((r: { id: string }) => r.id)

  const all = [three.eventId, two.eventId, one.eventId]
  t.same(await ids(''), all)
  t.same(await ids('order=asc'), all.toReversed())
  t.same(await ids('topic=key_submission'), [three.eventId, one.eventId])
  t.same(await ids('type=profile.created'), [two.eventId])
  t.same(await ids('status=processed'), all)
  t.same(await ids('status=dead'), [])
  t.same(await ids('topic=key_submission&status=processed'), [three.eventId, one.eventId])
  t.same(await ids('type=key.submitted&status=processed&order=asc'), [one.eventId, three.eventId])
  t.same(await ids(`subject=keys/${one.id}`), [one.eventId])
  t.same(await ids(`until=${one.result.finishedAt}`), [], 'until is not included')
  t.ok((await ids(`since=${one.result.finishedAt}`)).includes(one.eventId), 'since is')
  for (const year of [2090, 2300, 9999]) t.same(await ids(`since=${year}-01-01T00:00:00Z`), [])
  for (const year of [2300, 9999]) t.same(await ids(`until=${year}-01-01T00:00:00Z`), all)
  t.same(await ids('since=0001-01-01T00:00:00Z'), all)
  t.same(await ids('until=1960-01-01T00:00:00Z'), [])
  t.same(await ids('topic=never'), [])
})

t.test('pages together are the list, with nothing twice', async (t) => {
  const app = await build(t)
  const expected: string[] = []
  for (let n = 0; n < 5; n++) expected.push((await submit(app, { key: newKey() })).eventId)
  for (const order of ['asc', 'desc']) {
    const seen: string[] = []
    let url: string | undefined = `/results?limit=2&order=${order}`
    while (url !== undefined) {
      const { body, headers } = await call(app, 'GET', url)
      seen.push(...body.items.map((r: { id: string }) => r.id))
      url = /<(.+)>/.exec(String(headers.link))?.[1]
    }
    t.same(seen, order === 'asc' ? expected : expected.toReversed())
  }
})
