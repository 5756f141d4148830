import t from 'tap'
import type { Engine } from '../../../src/engines/engine.js'
import { proxy } from '../../proxy.js'
import { redisInstalled, redisServer, redisUrl } from '../../redis-server.js'
import { creation, open, until } from './fixtures.js'

const BOUND_MS = 5000

/** Ends when a write is taken again; what is refused until then is refused with `Unavailable` alone. */
const accepted = async (engine: Engine, topic: string) => {
  const { change } = creation(topic)
  await until(async () => {
    try {
      await engine.commit(change)
      return true
    } catch (error) {
      if ((error as Error).name !== 'Unavailable') throw error
      return false
    }
  })
}

if (redisInstalled(t)) {
  t.test('Redis down at the start: nothing is available, then everything by itself', async (t) => {
    const server = await redisServer(t, { started: false })
    const started = performance.now()
    const engine = await open(t, server.url)
    t.ok(performance.now() - started < BOUND_MS, 'the start is not held up')
    t.throws(() => engine.layout, { name: 'Unavailable', message: /ECONNREFUSED/ })
    await t.rejects(engine.commit(creation('start').change), { name: 'Unavailable' })
    await t.rejects(engine.stats(), { name: 'Unavailable' })

    const woken = new Set<number>()
    engine.watch((partition) => woken.add(partition))

    await server.start()
    await accepted(engine, 'start')
    t.equal(engine.layout.partitions, 8)
    await until(async () => {
      await engine.commit(creation('start').change)
      return woken.has(0)
    })
  })

  t.test('Redis killed: calls fail within bounds, what was acknowledged is kept, all resumes', async (t) => {
    const server = await redisServer(t, { args: ['--appendfsync', 'always'] })
    const engine = await open(t, server.url)
    const { record, change } = creation('killed')
    await engine.commit(change)
    const { placementKey } = engine.layout

    await server.kill()
    const since = performance.now()
    const calls = Array.from({ length: 50 }, () => engine.commit(creation('killed').change))
    for (const call of await Promise.allSettled(calls))
      t.match(call, { status: 'rejected', reason: { name: 'Unavailable' } })
    t.ok(performance.now() - since < BOUND_MS, 'bounded')

    await until(async () => {
      const asked = performance.now()
      await t.rejects(engine.commit(creation('killed').change), { name: 'Unavailable' })
      return performance.now() - asked < 100 // once it has been away for a while, nobody is kept waiting
    })

    await server.start()
    await accepted(engine, 'killed')
    t.strictSame(await engine.get('profiles', record.id), record)
    t.equal(engine.layout.placementKey, placementKey)
  })

  t.test('a half-open connection is noticed, and left for a new one', async (t) => {
    const server = await redisServer(t)
    const network = await proxy(t, server.port)
    const engine = await open(t, redisUrl(network.port))
    network.freeze()
    const since = performance.now()
    const first = engine.commit(creation('frozen').change)
    await until(() => performance.now() - since > 50) // in a batch of its own, behind the first
    const second = engine.commit(creation('frozen').change)
    for (const call of await Promise.allSettled([first, second]))
      t.match(call, { status: 'rejected', reason: { name: 'Unavailable' } })
    t.ok(performance.now() - since < BOUND_MS, 'bounded')

    network.thaw()
    await accepted(engine, 'frozen')
  })

  t.test('a primary that was demoted refuses writes, and takes them again when it is one', async (t) => {
    const server = await redisServer(t)
    const engine = await open(t, server.url)
    await server.client.replicaof('127.0.0.1', server.port)
    const { record, change } = creation('demoted')
    const since = performance.now()
    await t.rejects(engine.commit(change), { name: 'Unavailable' })
    t.ok(performance.now() - since < BOUND_MS, 'bounded')
    t.equal(await engine.get('profiles', record.id), null)

    await server.client.replicaof('NO', 'ONE')
    await accepted(engine, 'demoted')
  })

  t.test('a subscription that was away wakes every partition when it is back', async (t) => {
    const server = await redisServer(t)
    const network = await proxy(t, server.port)
    const engine = await open(t, redisUrl(network.port), { partitions: 3 })
    const woken = new Set<number>()
    const unwatch = engine.watch((partition) => woken.add(partition))
    await until(() => woken.size === 3)
    woken.clear()
    network.cut()
    await until(() => woken.size === 3)
    woken.clear()
    await accepted(engine, 'woken')
    await until(() => woken.has(0))
    t.strictSame([...woken], [0])
    unwatch()
  })

  t.test('errors carry neither the command nor the password', async (t) => {
    const server = await redisServer(t)
    const engine = await open(t, redisUrl(server.port, 'keypost', 'wrong-horse'))
    const { record, change } = creation('secret')
    const error = await engine.commit(change).catch((error: Error) => error)
    t.match(error, { name: 'Unavailable', message: /WRONGPASS/ })
    const shown = JSON.stringify(error, Object.getOwnPropertyNames(error))
    t.notMatch(shown, /horse/)
    t.notMatch(shown, record.id)
  })

  t.test('closing while Redis is away ends at once', async (t) => {
    const server = await redisServer(t)
    const engine = await open(t, server.url)
    await server.kill()
    const since = performance.now()
    await engine.close()
    t.ok(performance.now() - since < BOUND_MS)
    await t.rejects(engine.stats(), { name: 'Unavailable' })
  })
}
