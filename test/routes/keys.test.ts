import t from 'tap'
import { build, call, newKey, settled, submit } from '../helper.js'

const UNKNOWN = '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f'

t.test('a submitted key answers 202, pending, and where to read on', async (t) => {
  const app = await build(t)
  const key = newKey()
  const { status, headers, body } = await call(app, 'POST', '/keys', {
    key,
    name: 'deploys',
    metadata: { env: 'p' },
  })
  t.equal(status, 202)
  t.equal(headers.location, `/keys/${body.id}`)
  t.equal(headers.etag, '"1"')
  t.equal(headers['cache-control'], 'no-store')
  t.match(body, {
    name: 'deploys',
    status: 'pending',
    masked: `****${key.slice(-4)}`,
    fingerprint: /^[0-9a-f]{64}$/,
    provider: null,
    format: null,
    reasons: [],
    warnings: [],
    duplicateOf: null,
    profileId: null,
    expiresAt: null,
    metadata: { env: 'p' },
    version: 1,
  })
  const result = await settled(app, headers['keypost-event-id'])
  t.match(result, {
    topic: 'key_submission',
    type: 'key.submitted',
    status: 'processed',
    subject: `keys/${body.id}`,
  })
})

t.test('a settled key is accepted, with a higher version', async (t) => {
  const app = await build(t)
  const { result, key } = await submit(app, { key: newKey() })
  t.equal(result.outcome.code, 'accepted')
  t.match(key, { status: 'accepted', version: 2 })
})

t.test('the same key again is a duplicate of the first, whatever quotes are around it', async (t) => {
  const app = await build(t)
  const key = newKey()
  const first = await submit(app, { key })
  const second = await submit(app, { key: ` "${key}" ` })
  t.match(second.key, { status: 'duplicate', duplicateOf: first.id, fingerprint: first.key.fingerprint })
  t.same(first.key.warnings, [])
  t.not(second.key.warnings.length, 0, 'it says that something was taken away')
})

t.test('a key for a profile that is not there is rejected', async (t) => {
  const app = await build(t)
  const { key } = await submit(app, { key: newKey(), profileId: UNKNOWN })
  t.match(key, { status: 'rejected', reasons: ['profile_not_found'] })
})

t.test('expiresAt is answered in UTC with milliseconds', async (t) => {
  const app = await build(t)
  const { body } = await call(app, 'POST', '/keys', {
    key: newKey(),
    name: 'n',
    expiresAt: '2090-01-01T02:00:00+02:00',
  })
  t.equal(body.expiresAt, '2090-01-01T00:00:00.000Z')
})

t.test('a name or metadata with the key in it is refused, and nothing is written', async (t) => {
  const app = await build(t)
  const key = newKey()
  const { status, body } = await call(app, 'POST', '/keys', {
    key,
    name: `this is ${key}`,
    metadata: { a: key },
  })
  t.equal(status, 400)
  t.equal(body.code, 'key_in_metadata')
  t.notMatch(JSON.stringify(body), key)
  const list = await call(app, 'GET', '/keys')
  t.same(list.body, { items: [], nextCursor: null })
})

t.test('a key is read with its ETag, and 304 to who has it', async (t) => {
  const app = await build(t)
  const { id } = await submit(app, { key: newKey() })
  const first = await call(app, 'GET', `/keys/${id}`)
  t.equal(first.headers.etag, '"2"')
  for (const tags of ['"2"', 'W/"2"', '"1", "2"', '*']) {
    const again = await call(app, 'GET', `/keys/${id}`, undefined, { 'if-none-match': tags })
    t.equal(again.status, 304, tags)
    t.equal(again.body, null)
    t.equal(again.headers.etag, '"2"')
  }
  const other = await call(app, 'GET', `/keys/${id}`, undefined, { 'if-none-match': '"1"' })
  t.equal(other.status, 200)
})

t.test('a merge patch changes what it names, under either media type', async (t) => {
  const app = await build(t)
  const { id } = await submit(app, {
    key: newKey(),
    metadata: { a: '1', b: '2' },
    expiresAt: '2090-01-01T00:00:00Z',
  })
  const patch = JSON.stringify({ name: 'other', expiresAt: null, metadata: { a: null, c: '3' } })
  const changed = await app.inject({
    method: 'PATCH',
    url: `/keys/${id}`,
    headers: { 'content-type': 'application/merge-patch+json' },
    payload: patch,
  })
  t.equal(changed.statusCode, 200)
  t.match(changed.json(), { name: 'other', expiresAt: null, metadata: { b: '2', c: '3' }, version: 3 })
  t.equal(changed.headers.etag, '"3"')
  const result = await settled(app, changed.headers['keypost-event-id'])
  t.match(result, { type: 'key.updated', outcome: { code: 'recorded' } })
  const plain = await call(app, 'PATCH', `/keys/${id}`, { name: 'third' })
  t.equal(plain.status, 200)
})

t.test('If-Match: only a version that is listed, strongly, is changed', async (t) => {
  const app = await build(t)
  const { id } = await submit(app, { key: newKey() })
  for (const tags of ['"1"', 'W/"2"', '"x"', '"02"']) {
    const { status, body } = await call(app, 'PATCH', `/keys/${id}`, { name: 'x' }, { 'if-match': tags })
    t.equal(status, 412, tags)
    t.equal(body.code, 'version_mismatch')
  }
  t.equal((await call(app, 'PATCH', `/keys/${id}`, { name: 'x' }, { 'if-match': '"7", "2"' })).status, 200)
  t.equal((await call(app, 'PATCH', `/keys/${id}`, { name: 'y' }, { 'if-match': '*' })).status, 200)
  const { status, body } = await call(app, 'PATCH', `/keys/${id}`, { name: 'x' }, { 'if-match': '2' })
  t.equal(status, 400)
  t.match(body.errors, [{ in: 'header', pointer: '/if-match' }])
})

t.test('a revoked key is revoked once, and frees its fingerprint', async (t) => {
  const app = await build(t)
  const raw = newKey()
  const { id } = await submit(app, { key: raw })
  const first = await call(app, 'POST', `/keys/${id}/revoke`)
  t.match(first, { status: 200, body: { status: 'revoked', version: 3 } })
  t.equal((await settled(app, first.headers['keypost-event-id'])).type, 'key.revoked')
  const again = await call(app, 'POST', `/keys/${id}/revoke`)
  t.match(again, { status: 200, body: { status: 'revoked', version: 3 } })
  t.notOk(again.headers['keypost-event-id'], 'nothing happened, so no event')
  t.equal((await submit(app, { key: raw })).key.status, 'accepted')
})

t.test('a deleted key is gone, and its event says what it was', async (t) => {
  const app = await build(t)
  const { id } = await submit(app, { key: newKey() })
  t.equal((await call(app, 'DELETE', `/keys/${id}`, undefined, { 'if-match': '"1"' })).status, 412)
  const gone = await call(app, 'DELETE', `/keys/${id}`)
  t.equal(gone.status, 204)
  t.equal((await call(app, 'GET', `/keys/${id}`)).status, 404)
  const event = await call(app, 'GET', `/events/${gone.headers['keypost-event-id']}`)
  t.match(event.body, { type: 'key.deleted', data: { id } })
})

t.test('an unknown key is 404 for everyone', async (t) => {
  const app = await build(t)
  for (const [method, url, body] of [
    ['GET', `/keys/${UNKNOWN}`, undefined],
    ['PATCH', `/keys/${UNKNOWN}`, { name: 'x' }],
    ['POST', `/keys/${UNKNOWN}/revoke`, undefined],
    ['DELETE', `/keys/${UNKNOWN}`, undefined],
  ] as const) {
    const answer = await call(app, method, url, body)
    t.match(answer, { status: 404, body: { code: 'not_found' } }, `${method} ${url}`)
  }
})

t.test('keys are listed newest first, by page, and by every filter', async (t) => {
  const app = await build(t)
  const profile = (await call(app, 'POST', '/profiles', { name: 'Ada', email: 'ada@example.com' })).body
  const one = await submit(app, { key: newKey(), expiresAt: '2090-01-01T00:00:00Z' })
  const two = await submit(app, { key: newKey(), profileId: profile.id })
  const three = await submit(app, { key: newKey(), expiresAt: '2080-01-01T00:00:00Z' })
  const ids = async (query: string) =>
    (await call(app, 'GET', `/keys?${query}`)).body.items.map((k: { id: string }) => k.id)

  t.same(await ids(''), [three.id, two.id, one.id])
  t.same(await ids('status=accepted'), [three.id, two.id, one.id])
  t.same(await ids('status=rejected'), [])
  t.same(await ids(`profileId=${profile.id}`), [two.id])
  t.same(await ids(`fingerprint=${one.key.fingerprint}`), [one.id])
  t.same(await ids('expiresBefore=2095-01-01T00:00:00Z'), [three.id, one.id], 'soonest first')
  t.same(await ids('expiresBefore=2085-01-01T00:00:00Z'), [three.id])
  t.same(await ids('provider=aws'), [])

  const first = await call(app, 'GET', '/keys?limit=2&status=accepted')
  t.equal(first.body.items.length, 2)
  const next = /^<(.+)>; rel="next"$/.exec(String(first.headers.link))?.[1]
  t.match(next, /^\/keys\?limit=2&status=accepted&cursor=/)
  const second = await call(app, 'GET', String(next))
  t.same(
    second.body.items.map((k: { id: string }) => k.id),
    [one.id],
  )
  t.equal(second.body.nextCursor, null)
  t.notOk(second.headers.link)
})

t.test("another list's cursor is refused", async (t) => {
  const app = await build(t)
  await submit(app, { key: newKey() })
  await submit(app, { key: newKey() })
  const { nextCursor } = (await call(app, 'GET', '/keys?limit=1')).body
  for (const url of [
    `/profiles?cursor=${nextCursor}`,
    `/results?cursor=${nextCursor}`,
    '/keys?cursor=nonsense',
  ]) {
    t.match(await call(app, 'GET', url), { status: 400, body: { code: 'invalid_cursor' } }, url)
  }
})
