import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { placementFor } from '../../src/domain/ids.js'
import { fingerprint } from '../../src/domain/secrets.js'
import { build, call, folder, newKey, until } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const KEY_PEPPER = 'a pepper of 32 characters or more'
const LIMIT = 10

/** Opens Keypost on the data of this test. */
type Open = (subscriber: 'on' | 'off') => Promise<FastifyInstance>

function onEach(name: string, run: (t: Test, open: Open) => Promise<void>): void {
  const env = { KEY_PEPPER, MAX_UNFINISHED: `${LIMIT}`, PARTITIONS: '3' }
  t.test(`${name}: embedded`, async (t) => {
    const DATA_DIR = await folder(t)
    await run(t, (SUBSCRIBER) => build(t, { ...env, DATA_DIR, SUBSCRIBER }))
  })
  t.test(`${name}: redis`, async (t) => {
    if (!redisInstalled(t)) return
    const { url } = await redisServer(t)
    await run(t, (SUBSCRIBER) => build(t, { ...env, REDIS_URL: url, SUBSCRIBER }))
  })
}

const submit = (app: FastifyInstance, key = newKey(), headers = {}) =>
  call(app, 'POST', '/keys', { key, name: 'n' }, headers)

const profile = (email: string) => ({ name: 'Ada', email })

const countersOf = async (app: FastifyInstance) => (await call(app, 'GET', '/stats')).body.topics

onEach('at the limit, writes that publish are refused, and leave nothing', async (t, open) => {
  const app = await open('off')
  const ada = await call(app, 'POST', '/profiles', profile('ada@example.com'))
  const keys = []
  for (let n = 1; n < LIMIT; n++) keys.push(await submit(app))
  for (const { status } of [ada, ...keys]) t.ok(status === 201 || status === 202)
  const before = await countersOf(app)

  const [key] = keys
  const refusedKey = newKey()
  const idempotent = { 'idempotency-key': 'a-key' }
  const writes = {
    submit: () => submit(app, refusedKey, idempotent),
    revoke: () => call(app, 'POST', `/keys/${key?.body.id}/revoke`, undefined, idempotent),
    change: () => call(app, 'PATCH', `/keys/${key?.body.id}`, { name: 'other' }),
    delete: () => call(app, 'DELETE', `/keys/${key?.body.id}`),
    create: () => call(app, 'POST', '/profiles', profile('eve@example.com')),
    move: () => call(app, 'PUT', `/profiles/${ada.body.id}`, profile('eve@example.com')),
  }
  for (const [what, write] of Object.entries(writes)) {
    const refused = await write()
    t.match(refused, { status: 503, headers: { 'retry-after': '1' }, body: { code: 'backlog_full' } }, what)
  }

  t.strictSame(await countersOf(app), before)
  for (const name of [`fingerprint:${fingerprint(refusedKey, KEY_PEPPER)}`, 'email:eve@example.com']) {
    const at = placementFor(app.engine.layout.placementKey, name)
    t.equal(await app.engine.swap(at, { name, from: null, to: null }), null, name)
  }
  const list = (await call(app, 'GET', '/keys')).body.items
  t.equal(list.length, LIMIT - 1)
  t.strictSame(
    list.map(({ name, status, version }: Record<string, unknown>) => `${name} ${status} ${version}`),
    list.map(() => 'n pending 1'),
  )
  t.strictSame((await call(app, 'GET', '/profiles')).body.items, [ada.body])
  t.equal((await call(app, 'GET', '/events')).body.items.length, LIMIT)

  await app.close()
  const again = await open('on')
  await until(async () => (await countersOf(again)).key_submission.pending === 0)
  t.equal(
    (await submit(again, refusedKey, idempotent)).body.duplicateOf,
    null,
    'its fingerprint was not claimed',
  )
  t.equal((await call(again, 'POST', '/profiles', profile('eve@example.com'))).status, 201, 'nor the email')
})

onEach('at the limit, what was answered before is answered again', async (t, open) => {
  const app = await open('off')
  const key = newKey()
  const first = await submit(app, key, { 'idempotency-key': 'a-key' })
  for (let n = 1; n < LIMIT; n++) await submit(app)
  t.equal((await submit(app)).status, 503)
  const again = await submit(app, key, { 'idempotency-key': 'a-key' })
  t.match(again, { status: 202, headers: { 'idempotent-replayed': 'true' }, body: first.body })
})

onEach('writes at once go beyond the limit by no more than they are', async (t, open) => {
  const app = await open('off')
  for (let n = 0; n < LIMIT - 1; n++) await submit(app)
  const answers = await Promise.all(Array.from({ length: 20 }, () => submit(app)))
  const accepted = answers.filter(({ status }) => status === 202)
  t.ok(accepted.length >= 1)
  for (const { status } of answers) t.ok(status === 202 || status === 503)
  t.equal((await submit(app)).status, 503)
  t.equal((await countersOf(app)).key_submission.pending, LIMIT - 1 + accepted.length)
})

t.test('a backlog that another process made is seen, and so is that it is gone', async (t) => {
  if (!redisInstalled(t)) return
  const { url } = await redisServer(t)
  const env = { REDIS_URL: url, KEY_PEPPER, MAX_UNFINISHED: `${LIMIT}` }
  const one = await build(t, { ...env, SUBSCRIBER: 'off' })
  const other = await build(t, { ...env, SUBSCRIBER: 'off' })
  t.equal((await submit(one)).status, 202)
  for (let n = 1; n < LIMIT; n++) t.equal((await submit(other)).status, 202)
  await until(async () => (await submit(one)).status === 503)
  const processor = await build(t, env)
  await until(async () => (await submit(one)).status === 202)
  await until(async () => (await submit(other)).status === 202)
  t.equal((await submit(processor)).status, 202)
})

onEach('what handlers publish has no limit', async (t, open) => {
  const app = await open('off')
  const { body } = await call(app, 'POST', '/profiles', profile('ada@example.com'))
  for (let n = 0; n < LIMIT - 2; n++)
    await call(app, 'POST', '/keys', { key: newKey(), name: 'n', profileId: body.id })
  t.equal((await call(app, 'DELETE', `/profiles/${body.id}`)).status, 204)
  t.equal((await submit(app)).status, 503)
  const handlers = app.publisher.unlimited()
  t.ok((await handlers.submitKey({ key: newKey(), name: 'n' })).eventId)
  await app.close()
  const again = await open('on')
  const keys = () => call(again, 'GET', `/keys?profileId=${body.id}`)
  await until(async () =>
    (await keys()).body.items.every(({ status }: { status: string }) => status !== 'pending'),
  )
  await until(async () => (await submit(again)).status === 202)
})
