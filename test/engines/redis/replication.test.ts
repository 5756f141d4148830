import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Engine } from '../../../src/engines/engine.js'
import { connect } from '../../../src/engines/redis/connections.js'
import { openRedis } from '../../../src/engines/redis/index.js'
import { type RedisServer, redisInstalled, redisServer, redisUrl } from '../../redis-server.js'
import { creation, failOn, open, take, until } from './fixtures.js'

/** Long enough for one WAIT that is under way and one more. */
const REFUSED_WITHIN_MS = 2500

/** It does not wait for further replicas before it serves the first. */
const primaryServer = (t: Test) => redisServer(t, { args: ['--repl-diskless-sync-delay', '0'] })

const replicaOf = (t: Test, { port }: RedisServer) =>
  redisServer(t, { args: ['--replicaof', '127.0.0.1', String(port)] })

/** Its replica has caught up: it confirms a write. */
const followed = ({ client }: RedisServer) =>
  until(async () => {
    await client.publish('anything', '')
    return (await client.wait(1, 100)) === 1
  })

/** An engine that waits for one replica. */
async function careful(t: Test, url: string): Promise<Engine> {
  const connections = connect(url, 1)
  const engine = await openRedis({
    connections,
    partitions: 1,
    pepperIds: ['pepper'],
    onFatal: failOn(t),
  })
  t.teardown(() => engine.close())
  return engine
}

/** Leads to one server, then to another. */
async function crossing(t: Test, first: number) {
  let target = first
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = dial(target, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {}).on('close', () => to.destroy())
      from.pipe(to)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const redirect = (port: number) => {
    target = port
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    redirect(0)
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: redisUrl(address.port), redirect }
}

if (redisInstalled(t)) {
  t.test('a write is acknowledged when a replica has it, and refused while none does', async (t) => {
    const primary = await primaryServer(t)
    const engine = await careful(t, primary.url)
    await t.rejects(engine.commit(creation('alone').change), {
      name: 'Unavailable',
      message: /0 of 1 replicas/,
    })
    const replica = await replicaOf(t, primary)
    await followed(primary)
    const { change, record } = creation('kept')
    await engine.commit(change)
    t.equal(await replica.client.hexists('keypost:{0}:profiles', record.id), 1)

    replica.pause()
    const since = performance.now()
    const { change: late, record: written } = creation('late')
    const writes = [
      engine.commit(late),
      engine.swap(0, { name: 'c', from: null, to: 'x' }),
      engine.commit(creation('late').change),
    ]
    await until(async () => (await engine.get('profiles', written.id)) !== null)
    const readAfterMs = performance.now() - since
    t.ok(readAfterMs < 500, `reads go on: ${Math.round(readAfterMs)} ms`)
    for (const outcome of await Promise.allSettled(writes))
      t.match(outcome, { status: 'rejected', reason: { name: 'Unavailable' } })
    const refusedAfterMs = performance.now() - since
    t.ok(refusedAfterMs < REFUSED_WITHIN_MS, `refused after ${Math.round(refusedAfterMs)} ms`)
    // Nothing is written by sending it again; yet it must not be acknowledged before the replica has it.
    await t.rejects(engine.commit(late), { name: 'Unavailable' })

    replica.resume()
    await until(async () => {
      const answer = await engine.commit(late).catch(() => null)
      return answer?.replayed === true
    })
    t.equal(await replica.client.hexists('keypost:{0}:profiles', written.id), 1)
  })

  t.test('settlements wait for the replica too', async (t) => {
    const primary = await primaryServer(t)
    const replica = await replicaOf(t, primary)
    await followed(primary)
    const engine = await careful(t, primary.url)
    await engine.commit(creation('settled').change)
    const { token } = await take(engine)
    replica.pause()
    await t.rejects(engine.settle(0, token, []), { name: 'Unavailable', message: /0 of 1 replicas/ })
    replica.resume()
    await until(async () => (await engine.settle(0, token, []).catch(() => null)) !== null)
  })

  t.test('short of memory, settling goes on', async (t) => {
    const primary = await primaryServer(t)
    await replicaOf(t, primary)
    await followed(primary)
    const engine = await careful(t, primary.url)
    const { token } = await take(engine)
    await primary.client.config('SET', 'maxmemory', '1mb')
    await t.rejects(engine.commit(creation('short').change), { name: 'Unavailable', message: /OOM/ })
    t.strictSame(await engine.settle(0, token, []), [])
  })

  t.test('what another server says of its replicas acknowledges nothing', async (t) => {
    const [first, second] = await Promise.all([primaryServer(t), primaryServer(t)])
    const [replica] = await Promise.all([replicaOf(t, first), replicaOf(t, second)])
    await Promise.all([followed(first), followed(second)])
    const network = await crossing(t, first.port)
    const engine = await careful(t, network.url)
    await engine.commit(creation('before').change)

    replica.pause()
    const { change, record } = creation('between')
    const write = engine.commit(change)
    await until(async () => (await first.client.hexists('keypost:{0}:profiles', record.id)) === 1)
    network.redirect(second.port)
    await t.rejects(write, { name: 'Unavailable', message: /connection to Redis was lost/ })
    t.equal(await second.client.hexists('keypost:{0}:profiles', record.id), 0)
    replica.resume()
  })

  t.test('kill -9 of the primary under load: its replica has all that was acknowledged', async (t) => {
    const primary = await primaryServer(t)
    const replica = await replicaOf(t, primary)
    await followed(primary)
    const engine = await careful(t, primary.url)
    const acknowledged: string[] = []
    let refused = 0
    const sender = async () => {
      while (refused === 0) {
        const { change, record } = creation('load')
        try {
          await engine.commit(change)
          acknowledged.push(record.id)
        } catch {
          refused++
        }
      }
    }
    const senders = Array.from({ length: 32 }, sender)
    await until(() => acknowledged.length > 2000)
    await primary.kill()
    await Promise.all(senders)
    const there = await replica.client.hmget('keypost:{0}:profiles', ...acknowledged)
    t.equal(there.filter((value) => value === null).length, 0, `of ${acknowledged.length}`)
  })

  t.test('without replicas to wait for there is no connection for it', async (t) => {
    const server = await redisServer(t)
    const engine = await open(t, server.url)
    await engine.commit(creation('plain').change)
    t.equal(await server.client.exists('keypost:replicated'), 0)
    t.notMatch(await server.client.client('LIST'), 'keypost-writes')
  })
}
