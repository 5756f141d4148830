import t, { type Test } from 'tap'
import { type Bus, connect, KeypostError } from '../../src/client/index.js'
import { redisInstalled, redisServer } from '../redis-server.js'
import { until } from '../until.js'
import { onFolder, onRedis } from './fixtures.js'

const RAW = 'sk_live_a_raw_key_of_the_client_0123456789'

function suite(t: Test, open: (t: Test) => Promise<Bus>) {
  t.test('keys and profiles are published as over HTTP', async (t) => {
    const bus = await open(t)
    const { record: profile } = await bus.publishProfileCreated({ name: 'Ada', email: 'ada@example.com' })
    const { record: key, eventId } = await bus.publishKeySubmitted(RAW, 'Token Name', {
      profileId: profile.id,
    })
    t.match(key, { status: 'pending', name: 'Token Name', masked: '****6789', profileId: profile.id })
    t.match(eventId, /^[0-9a-f-]{36}$/)
    t.notOk(JSON.stringify(key).includes(RAW))

    const changed = await bus.publishKeyUpdated(key.id, { name: 'Another' })
    t.equal(changed.record.name, 'Another')
    t.match(await bus.publishProfileUpdated(profile.id, { name: 'Ada L.' }), { record: { name: 'Ada L.' } })
    t.match(await bus.publishKeyDeleted(key.id), { record: { id: key.id } })
    t.match(await bus.publishProfileDeleted(profile.id), { record: { id: profile.id } })
    const { topics, conserved } = await bus.stats()
    t.match(topics, { key_submission: { published: 3 }, profile_events: { published: 3 } })
    t.ok(conserved)
  })

  t.test('what is not valid is refused with its place, and never its value', async (t) => {
    const bus = await open(t)
    const refused = async (call: Promise<unknown>, code: string, ...pointers: string[]) => {
      const error = await call.then(
        () => null,
        (error: unknown) => error,
      )
      t.ok(error instanceof KeypostError)
      if (!(error instanceof KeypostError)) return
      t.equal(error.code, code)
      t.strictSame([...new Set(error.items.map(({ pointer }) => pointer))], pointers)
      t.notOk(`${JSON.stringify(error)} ${error.stack}`.includes(RAW))
    }
    const unknown = { [RAW]: RAW } as object
    await refused(bus.publishKeySubmitted(RAW, ''), 'invalid_request', '/name')
    await refused(bus.publishKeySubmitted(RAW, RAW), 'key_in_metadata', '/name')
    await refused(bus.publishKeySubmitted(RAW, 'n', unknown), 'invalid_request', '')
    await refused(
      bus.publishKeySubmitted(RAW, 'n', { metadata: { big: RAW.repeat(20) } }),
      'invalid_request',
      '/metadata',
    )
    const circle: { metadata?: object } = {}
    circle.metadata = circle
    await refused(bus.publishKeySubmitted(RAW, 'n', circle as object), 'invalid_request', '')
    await refused(bus.publishKeyUpdated(RAW, { name: 'n' }), 'invalid_request', '/id')
    await refused(bus.publishProfileCreated({ name: 'n', email: RAW }), 'invalid_request', '/email')
    await refused(bus.publish('Not a topic', { type: 't', data: 1 }), 'invalid_request', '/topic')
    const deep = JSON.parse('['.repeat(66) + ']'.repeat(66))
    await refused(bus.publish('things', { type: 't', data: deep }), 'invalid_request', '/data')
    const large = bus.publish('things', { type: 't', data: 'x'.repeat(640 * 1024) })
    await refused(large, 'body_too_large')
    await refused(bus.publish('key_submission', { type: 't', data: 1 }), 'reserved_topic')
    t.throws(() => bus.subscribe('things', { name: 'No name' }, () => {}), { code: 'invalid_request' })
    t.throws(() => bus.subscribe('things', { name: 'a', leaseMs: 0 }, () => {}), { code: 'invalid_request' })
    t.match((await bus.stats()).topics, { key_submission: { published: 0 } })
  })

  t.test('a closed bus does nothing, and may be closed again', async (t) => {
    const bus = await open(t)
    await bus.close()
    await bus.close()
    await t.rejects(bus.publishKeySubmitted(RAW, 'n'), { code: 'unavailable' })
    await t.rejects(bus.stats(), { code: 'unavailable' })
    t.throws(() => bus.listen('things'), { code: 'unavailable' })
  })
}

t.test('embedded', async (t) => {
  suite(t, onFolder)
  t.test('events are handled in the process that has the folder', async (t) => {
    const bus = await onFolder(t)
    const results = bus.listen('processing_results')
    await results.ready
    const { record } = await bus.publishKeySubmitted(RAW, 'n')
    const { value: result } = await results.next()
    t.match(result, { type: 'event.processed', subject: `keys/${record.id}` })
    t.strictSame(result?.data.outcome, { code: 'accepted' })
    await until(async () => (await bus.stats()).topics.key_submission?.processed === 1)
  })
})

t.test('redis', async (t) => {
  if (!redisInstalled(t)) return
  suite(t, async (t) => onRedis(t, await redisServer(t)))
})

t.test('one place, and only one, must be named', async (t) => {
  // @ts-expect-error: the types say so as well
  await t.rejects(connect({}), { name: 'ConfigError' })
  // @ts-expect-error
  await t.rejects(connect({ dataDir: '.data', redisUrl: 'redis://localhost', pepper: 'p' }), {
    name: 'ConfigError',
  })
  await t.rejects(connect({ redisUrl: 'redis://localhost', pepper: 'short' }), {
    name: 'ConfigError',
    message: /KEY_PEPPER/,
  })
})
