import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build, call, newKey, submit } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const WRITERS = 20
const etag = (headers: Record<string, unknown>) => ({ 'if-match': String(headers.etag) })

/** Writers that all saw the same version, spread over the processes that share the data. */
function suite(t: Test, appsOf: (t: Test) => Promise<[FastifyInstance, ...FastifyInstance[]]>) {
  t.test('of writers with the same If-Match one wins, and the others are told', async (t) => {
    const apps = await appsOf(t)
    const [app] = apps
    const { id } = await submit(app, { key: newKey() })
    const { body: profile } = await call(app, 'POST', '/profiles', { name: 'n', email: 'a@example.com' })
    const url = `/profiles/${profile.id}`
    for (const [method, path, bodyOf] of [
      ['PATCH', `/keys/${id}`, (i: number) => ({ name: `by ${i}` })],
      ['PATCH', url, (i: number) => ({ metadata: { by: `${i}` } })],
      ['PUT', url, (i: number) => ({ name: `by ${i}`, email: `by-${i}@example.com` })],
    ] as const) {
      const before = await call(app, 'GET', path)
      const answers = await Promise.all(
        Array.from({ length: WRITERS }, (_, i) =>
          call(apps[i % apps.length] ?? app, method, path, bodyOf(i), etag(before.headers)),
        ),
      )
      const won = answers.filter(({ status }) => status === 200)
      t.equal(won.length, 1, `${method} ${path}`)
      const lost = answers.filter(({ status, body }) => status === 412 && body.code === 'version_mismatch')
      t.equal(lost.length, WRITERS - 1)
      const after = await call(app, 'GET', path)
      t.strictSame(after.body, won[0]?.body)
      t.equal(after.body.version, before.body.version + 1)
    }
    const revocations = await call(app, 'GET', `/keys/${id}`)
    const revoked = await Promise.all(
      apps
        .concat(apps)
        .map((each) => call(each, 'POST', `/keys/${id}/revoke`, undefined, etag(revocations.headers))),
    )
    t.equal(revoked.filter(({ status, headers }) => status === 200 && headers['keypost-event-id']).length, 1)
  })

  t.test('who reads, changes and tries again after a 412 loses nothing', async (t) => {
    const apps = await appsOf(t)
    const [app] = apps
    const { body } = await call(app, 'POST', '/profiles', {
      name: 'n',
      email: 'b@example.com',
      metadata: { count: '0' },
    })
    const url = `/profiles/${body.id}`
    const increment = async (app: FastifyInstance): Promise<void> => {
      const { headers, body } = await call(app, 'GET', url)
      const count = `${Number(body.metadata.count) + 1}`
      const { status } = await call(app, 'PATCH', url, { metadata: { count } }, etag(headers))
      if (status === 412) return increment(app)
      t.equal(status, 200)
    }
    await Promise.all(Array.from({ length: WRITERS }, (_, i) => increment(apps[i % apps.length] ?? app)))
    t.match((await call(app, 'GET', url)).body, { metadata: { count: `${WRITERS}` }, version: WRITERS + 1 })
  })
}

t.test('embedded', async (t) => suite(t, async (t) => [await build(t)]))
if (redisInstalled(t)) {
  t.test('two processes on one Redis', async (t) =>
    suite(t, async (t) => {
      const { url } = await redisServer(t)
      const env = { REDIS_URL: url, KEY_PEPPER: 'p'.repeat(32) }
      return [await build(t, env), await build(t, env)]
    }),
  )
}
