import t from 'tap'
import { RESULTS_TOPIC } from '../../../src/engines/engine.js'
import { partitionKeys } from '../../../src/engines/redis/keys.js'
import { script } from '../../../src/engines/redis/scripts.js'
import { proxy } from '../../proxy.js'
import { redisInstalled, redisServer, redisUrl } from '../../redis-server.js'
import { ALL, done, ended, reopening } from '../contract/fixtures.js'
import { creation, failed, open, processed, take, update } from './fixtures.js'

const keys = partitionKeys(0)

if (redisInstalled(t)) {
  const server = await redisServer(t)
  const network = await proxy(t, server.port)
  const engine = await open(t, redisUrl(network.port), { partitions: 1 })
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

  for (const how of ['redrive', 'replay', 'discard'] as const)
    t.test(`a ${how} whose reply was lost is sent again and done once`, async (t) => {
      const status = how === 'replay' ? 'processed' : 'dead'
      const topic = `${how}s`
      const { change, eventId } = creation(topic)
      await engine.commit(change)
      const { fresh } = await engine.claim(0, null, 100)
      await engine.settle(0, token, [
        ...fresh.filter(({ event }) => event.id === eventId).map((delivery) => done(delivery, { status })),
      ])
      const request = reopening(await ended(engine, eventId), how)
      if (how === 'redrive') await engine.reopen(reopening({ ...request.trace, revision: 7 }, how)) // gives the script
      const { lost } = network
      network.loseReplyTo(new RegExp(request.operationId))
      t.equal(await engine.reopen(request), 'replayed')
      t.equal(network.lost, lost + 1)
      const { topics } = await engine.stats()
      t.match(
        topics[topic],
        how === 'discard'
          ? { published: 1, dead: 1, discarded: 1 }
          : { published: 1, [status]: 0, pending: 1 },
      )
      const trace = await engine.get('traces', eventId)
      t.equal(trace?.revision, request.trace.revision + (how === 'discard' ? 0 : 1))
    })

  t.test('a sweep whose replies were lost is counted once', async (t) => {
    const { fresh, due } = await engine.claim(0, null, 100)
    const unfinished = [...fresh, ...due]
    await engine.settle(
      0,
      token,
      unfinished.map((delivery) => done(delivery)),
    )
    const { topics } = await engine.stats()
    const { lost } = network
    const retention = { eventsBefore: ALL, resultsBefore: ALL, limit: 3 }
    for (const name of ['sweep-events', 'sweep-results']) {
      const { sha, lua } = script(name)
      await server.client.script('LOAD', lua)
      network.loseReplyTo(new RegExp(sha))
      await engine.sweep(0, retention)
    }
    t.equal(network.lost, lost + 2)
    const swept = await server.client.hgetall(keys.swept)
    const sum = (counts: [string, number][], isResult: boolean) =>
      counts.reduce((sum, [topic, count]) => sum + ((topic === RESULTS_TOPIC) === isResult ? count : 0), 0)
    const taken = Object.entries(swept).flatMap(([field, count]): [string, number][] => {
      const [topic = '', what] = field.split(' ')
      return what === 'events' ? [[topic, Number(count)]] : []
    })
    const published = Object.entries(topics).map(([topic, { published }]): [string, number] => [
      topic,
      published,
    ])
    t.ok(sum(taken, false) > 3, 'those of the lost reply, and those of the next')
    t.ok(sum(taken, true) > 3)
    t.equal(sum(taken, false) + (await server.client.xlen(keys.log)), sum(published, false))
    t.equal(sum(taken, true) + (await server.client.xlen(keys.results)), sum(published, true))
  })

  t.test('scripts that Redis has forgotten are given to it again', async (t) => {
    await server.client.script('FLUSH')
    t.equal((await engine.commit(creation('forgotten').change)).replayed, false)
  })
}
