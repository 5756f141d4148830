import t from 'tap'
import { redisInstalled, redisServer } from '../../redis-server.js'
import { creation, open, processed, take } from './fixtures.js'

if (redisInstalled(t)) {
  const server = await redisServer(t)
  const engine = await open(t, server.url, { partitions: 1 })
  const { token } = await take(engine)
  const { change, eventId } = creation('memory')
  const held = { name: 'held', from: null, to: 'x' }
  await engine.commit({ ...change, claims: [held] })

  /** Everything that is stored, as it is. */
  const everything = async () => {
    const keys = (await server.client.keys('keypost:*')).sort()
    return Promise.all(keys.map(async (key) => [key, (await server.client.dump(key))?.toString()]))
  }

  t.before(() => server.client.config('SET', 'maxmemory', '1mb'))
  t.teardown(() => server.client.config('SET', 'maxmemory', '0'))

  t.test('out of memory refuses a change and leaves nothing of it', async (t) => {
    const before = await everything()
    const refused = creation('memory')
    // Taking a claim away is a write that memory limits allow: it must not happen before one that they refuse.
    const claims = [{ ...held, from: held.to, to: null }]
    await t.rejects(engine.commit({ ...refused.change, claims }), { name: 'Unavailable', message: /OOM/ })
    t.strictSame(await everything(), before)
    t.equal(await engine.get('profiles', refused.record.id), null)
  })

  t.test('out of memory lets leases be renewed and events be settled', async (t) => {
    const [mine = null] = (await engine.lease(null, [])).leases
    const renewed = { partition: 0, token, processor: 'p1', beat: 2 }
    const me = { id: 'p1', lastPollAt: null, handlers: [], beat: 1 }
    const { leases, processors } = await engine.lease(me, [{ partition: 0, from: mine, to: renewed }])
    t.strictSame(leases, [renewed])
    t.strictSame(processors, [me])

    const { fresh } = await engine.claim(0, null, 10)
    t.strictSame(await engine.settle(0, token, fresh.map(processed)), ['settled'])
    t.match(await engine.get('results', eventId), { status: 'processed' })
    t.match((await engine.stats()).topics.memory, { published: 1, processed: 1, pending: 0 })
  })
}
