import t from 'tap'
import { build, call, newKey, settled, submit, until } from '../helper.js'

const UNKNOWN = '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f'
const ada = { name: 'Ada', email: 'Ada@Example.com', metadata: { team: 'engines' } }

t.test('a created profile answers 201 and where it is', async (t) => {
  const app = await build(t)
  const { status, headers, body } = await call(app, 'POST', '/profiles', ada)
  t.equal(status, 201)
  t.equal(headers.location, `/profiles/${body.id}`)
  t.equal(headers.etag, '"1"')
  t.match(body, { ...ada, version: 1 })
  const result = await settled(app, headers['keypost-event-id'])
  t.match(result, { topic: 'profile_events', type: 'profile.created', outcome: { code: 'recorded' } })
})

t.test('an email that is taken is refused, whatever its letter case', async (t) => {
  const app = await build(t)
  const first = await call(app, 'POST', '/profiles', ada)
  const second = await call(app, 'POST', '/profiles', { name: 'Eve', email: 'aDA@eXAMPLE.COM' })
  t.match(second, { status: 409, body: { code: 'email_taken' } })
  t.notMatch(JSON.stringify(second.body), /example\.com/i)
  t.equal((await call(app, 'GET', '/profiles')).body.items.length, 1)
  const other = await call(app, 'POST', '/profiles', { name: 'Bob', email: 'bob@example.com' })
  const moved = await call(app, 'PATCH', `/profiles/${other.body.id}`, { email: 'ada@example.com' })
  t.equal(moved.status, 409)
  t.equal((await call(app, 'DELETE', `/profiles/${first.body.id}`)).status, 204)
  t.equal(
    (await call(app, 'PATCH', `/profiles/${other.body.id}`, { email: 'ada@example.com' })).status,
    200,
    'free now',
  )
})

t.test('a hundred that want one email at once: one gets it', async (t) => {
  const app = await build(t)
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      call(app, 'POST', '/profiles', { name: `${n}`, email: 'one@example.com' }),
    ),
  )
  t.equal(answers.filter(({ status }) => status === 201).length, 1)
  t.equal(answers.filter(({ status }) => status === 409).length, 99)
})

t.test('PUT replaces all of it, PATCH what it names', async (t) => {
  const app = await build(t)
  const { id } = (await call(app, 'POST', '/profiles', ada)).body
  const replaced = await call(
    app,
    'PUT',
    `/profiles/${id}`,
    { name: 'Ada L.', email: ada.email },
    { 'if-match': '"1"' },
  )
  t.match(replaced, { status: 200, body: { name: 'Ada L.', version: 2 } })
  t.same(replaced.body.metadata, {})
  const patched = await call(app, 'PATCH', `/profiles/${id}`, { metadata: { a: 'b' } })
  t.match(patched, { status: 200, body: { name: 'Ada L.', metadata: { a: 'b' }, version: 3 } })
  t.equal((await call(app, 'PUT', `/profiles/${id}`, ada, { 'if-match': '"1"' })).status, 412)
})

t.test('a profile is found by its email', async (t) => {
  const app = await build(t)
  const { body } = await call(app, 'POST', '/profiles', ada)
  await call(app, 'POST', '/profiles', { name: 'Bob', email: 'bob@example.com' })
  const found = await call(app, 'GET', '/profiles?email=ADA@example.com')
  t.same(
    found.body.items.map((p: { id: string }) => p.id),
    [body.id],
  )
  t.equal((await call(app, 'GET', '/profiles?email=nonsense')).status, 400)
})

t.test('a profile is read with its ETag, and 304 to who has it', async (t) => {
  const app = await build(t)
  const { id } = (await call(app, 'POST', '/profiles', ada)).body
  t.equal((await call(app, 'GET', `/profiles/${id}`)).headers.etag, '"1"')
  t.equal((await call(app, 'GET', `/profiles/${id}`, undefined, { 'if-none-match': '"1"' })).status, 304)
})

t.test("a deleted profile's keys are revoked", async (t) => {
  const app = await build(t)
  const { id } = (await call(app, 'POST', '/profiles', ada)).body
  const mine = await submit(app, { key: newKey(), profileId: id })
  const another = await submit(app, { key: newKey() })
  t.equal((await call(app, 'DELETE', `/profiles/${id}`)).status, 204)
  t.equal((await call(app, 'GET', `/profiles/${id}`)).status, 404)
  const revoked = await until(async () => {
    const { body } = await call(app, 'GET', `/keys/${mine.id}`)
    return body.status === 'revoked' && body
  })
  t.match(revoked.reasons, ['profile_deleted'])
  t.equal((await call(app, 'GET', `/keys/${another.id}`)).body.status, 'accepted')
})

t.test('an unknown profile is 404 for everyone', async (t) => {
  const app = await build(t)
  for (const [method, body] of [
    ['GET', undefined],
    ['PUT', ada],
    ['PATCH', { name: 'x' }],
    ['DELETE', undefined],
  ] as const) {
    t.match(
      await call(app, method, `/profiles/${UNKNOWN}`, body),
      { status: 404, body: { code: 'not_found' } },
      method,
    )
  }
})
