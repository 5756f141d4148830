import t from 'tap'
import { proxy } from '../../proxy.js'
import { redisInstalled, redisServer } from '../../redis-server.js'
import { creation, failed, open, processed, take, update } from './fixtures.js'

if (redisInstalled(t)) {
  const server = await redisServer(t)
  const network = await proxy(t, server.port)
  const engine = await open(t, `redis://127.0.0.1:${network.port}`, { partitions: 1 })
  const { token } = await take(engine)

  // Redis is to know the scripts: else the reply that is lost is that it does not, and nothing ran.
  await engine.commit(creation('warm').change)
  await engine.settle(0, token, [])

  t.test('a create whose reply was lost is sent again and done once', async (t) => {
    const { change, eventId } = creation('creates')
    network.loseReplyTo(new RegExp(eventId))
    const answer = await engine.commit(change)
    t.equal(network.lost, 1)
    t.equal(answer.replayed, true)
    t.equal(answer.time, (await engine.get('events', eventId))?.time)
    t.match((await engine.stats()).topics.creates, { published: 1, pending: 1 })
  })

  t.test('an update whose reply was lost is sent again and is no conflict', async (t) => {
    const { record, change } = creation('updates')
    await engine.commit(change)
    const { after, change: next } = update('updates', record)
    network.loseReplyTo(new RegExp(next.operationId))
    t.equal((await engine.commit(next)).replayed, true)
    t.equal(network.lost, 2)
    t.strictSame(await engine.get('profiles', record.id), after)
    t.match((await engine.stats()).topics.updates, { published: 2 })
  })

  t.test('a settlement whose reply was lost is sent again and counted once', async (t) => {
    await engine.commit(creation('settled').change)
    const { fresh } = await engine.claim(0, null, 100)
    const delivery = fresh.at(-1)
    if (delivery === undefined) throw new Error('nothing to settle')
    const settlement = processed(delivery)
    network.loseReplyTo(new RegExp(delivery.event.id))
    t.strictSame(await engine.settle(0, token, [settlement]), ['already'])
    t.equal(network.lost, 3)
    t.match((await engine.stats()).topics.settled, { published: 1, processed: 1, pending: 0 })
    t.match((await engine.stats()).topics.processing_results, { published: 1 })
  })

  t.test('a retry whose reply was lost is recorded once', async (t) => {
    await engine.commit(creation('retried').change)
    const { fresh } = await engine.claim(0, null, 100)
    const delivery = fresh.at(-1)
    if (delivery === undefined) throw new Error('nothing to settle')
    network.loseReplyTo(new RegExp(delivery.event.id))
    t.strictSame(await engine.settle(0, token, [failed(delivery, 0)]), ['already'])
    t.equal(network.lost, 4)
    t.match((await engine.stats()).topics.retried, { published: 1, retrying: 1, pending: 0 })
    const { due } = await engine.claim(0, null, 100)
    t.equal(due.find(({ event }) => event.id === delivery.event.id)?.history.length, 1)
  })

  t.test('scripts that Redis has forgotten are given to it again', async (t) => {
    await server.client.script('FLUSH')
    t.equal((await engine.commit(creation('forgotten').change)).replayed, false)
  })
}
