import assert from 'node:assert/strict'
import createClient from 'openapi-fetch'
import type { components, paths } from './api.js'

type Problem = components['schemas']['Problem']
/** What a status means is known before anything is sent. */
type Mismatch = paths['/keys/{id}']['patch']['responses'][412]['content']['application/problem+json']

/** What was answered; throws the problem that was answered instead. */
function ok<T>({ data, error }: { data?: T; error?: unknown }): T {
  assert.equal(error, undefined)
  assert.ok(data !== undefined)
  return data
}

/** Uses Keypost as a program does that knows its OpenAPI document alone. */
export async function lifecycle(baseUrl: string, key: string): Promise<void> {
  const api = createClient<paths>({ baseUrl })
  const wait = { prefer: 'wait=10' }

  const profile = ok(await api.POST('/profiles', { body: { name: 'Ada', email: 'ada@example.com' } }))
  const taken = await api.POST('/profiles', { body: { name: 'Eve', email: 'ADA@example.com' } })
  assert.equal(taken.error?.code, 'email_taken' satisfies Problem['code'])

  const submitted = await api.POST('/keys', {
    params: { header: wait },
    body: { key, name: 'deploys', profileId: profile.id, metadata: { env: 'test' } },
  })
  assert.equal(submitted.response.status, 201)
  const { id, status, metadata } = ok(submitted)
  assert.equal(status, 'accepted' satisfies components['schemas']['Key']['status'])
  assert.equal(metadata.env, 'test')

  const eventId = submitted.response.headers.get('keypost-event-id') ?? ''
  const result = ok(await api.GET('/results/{id}', { params: { path: { id: eventId } } }))
  assert.equal(result.outcome?.code, 'accepted')

  for (const name of ['second', 'third'])
    ok(await api.POST('/keys', { body: { key: `${key}${name}`, name } }))
  const names: string[] = []
  for (let cursor: string | undefined; ; ) {
    const page = ok(await api.GET('/keys', { params: { query: { limit: 2, ...(cursor && { cursor }) } } }))
    names.push(...page.items.map(({ name }) => name))
    if (page.nextCursor === null) break
    cursor = page.nextCursor
  }
  assert.deepEqual(names, ['third', 'second', 'deploys'])

  const path = { id }
  const read = await api.GET('/keys/{id}', { params: { path } })
  const etag = read.response.headers.get('etag') ?? ''
  const header = { 'if-match': etag }
  const unchanged = await api.GET('/keys/{id}', { params: { path, header: { 'if-none-match': etag } } })
  assert.equal(unchanged.response.status, 304)

  const renamed = ok(
    await api.PATCH('/keys/{id}', { params: { path, header }, body: { name: 'releases', metadata: null } }),
  )
  assert.equal(renamed.name, 'releases')
  const late = await api.PATCH('/keys/{id}', { params: { path, header }, body: { name: 'late' } })
  assert.equal(late.response.status, 412)
  const mismatch: Mismatch | undefined = late.error
  assert.equal(mismatch?.code, 'version_mismatch')

  assert.equal(ok(await api.POST('/keys/{id}/revoke', { params: { path } })).status, 'revoked')
  assert.equal((await api.DELETE('/keys/{id}', { params: { path } })).response.status, 204)
  const gone = await api.GET('/keys/{id}', { params: { path } })
  assert.equal(gone.error?.code, 'not_found')
  const invalid = await api.GET('/keys/{id}', { params: { path: { id: 'no-id' } } })
  assert.deepEqual(
    invalid.error?.errors.map((item) => item.in),
    ['path'],
  )

  const order = await api.POST('/topics/{topic}/events', {
    params: { path: { topic: 'orders' }, header: wait },
    body: { type: 'order.placed', subject: 'orders/17', data: { total: 42 } },
  })
  assert.equal(order.response.status, 201)
  const letters = ok(await api.GET('/dead-letters', { params: { query: { topic: 'orders' } } }))
  const letter = letters.items[0]
  assert.equal(letter?.error.code, 'handler_failed')
  const redriven = ok(
    await api.POST('/dead-letters/{id}/redrive', { params: { path: { id: letter?.id ?? '' } } }),
  )
  assert.equal(redriven.topic, 'orders')

  const replay = ok(
    await api.POST('/replays', { body: { topic: 'key_submission', since: profile.createdAt } }),
  )
  const job = ok(await api.GET('/replays/{id}', { params: { path: { id: replay.id } } }))
  assert.ok((['running', 'done'] satisfies (typeof job.status)[]).includes(job.status as 'running'))

  const stats = ok(await api.GET('/stats'))
  assert.equal(stats.conserved, true)
  assert.ok((stats.topics.key_submission?.published ?? 0) > 3)
}
