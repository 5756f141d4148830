import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { Streams } from '../../src/bus/streams.js'
import type { Engine } from '../../src/engines/engine.js'
import { connect as connectRedis } from '../../src/engines/redis/connections.js'
import { openRedis } from '../../src/engines/redis/index.js'
import { publish } from '../engines/contract/fixtures.js'
import { place } from '../engines/embedded/fixtures.js'
import { type EventSource, eventSource, heard } from '../event-source.js'
import { redisInstalled, redisServer } from '../redis-server.js'
import { until } from '../until.js'

const TIMES = { heartbeatMs: 40, stalledMs: 200, endMs: 1000 }

/** Serves streams of things; `?` and a place to go on. */
async function serve(t: Test, engine: Engine, times = TIMES) {
  const streams = new Streams(engine, 1000, times)
  const server = createServer(async (request, response) => {
    const [, from] = request.url?.split('?') ?? []
    const stream = await streams.open('client', { topic: 'things' }, from ?? null)
    response.on('close', () => stream.destroy())
    stream.on('close', () => stream.readableEnded || response.destroy())
    stream.pipe(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    await streams.close()
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { streams, port: address.port, url: `http://127.0.0.1:${address.port}/` }
}

const onRedis = async (t: Test, url: string) => {
  const connections = connectRedis(url)
  const engine = await openRedis({
    connections,
    partitions: 3,
    pepperIds: ['a'],
    onFatal: (error) => t.fail(error.message),
  })
  t.teardown(() => engine.close())
  return engine
}

const idsOf = (source: EventSource) => source.messages.map(({ data }) => (data as { id: string }).id)

t.test('where nothing comes, a client hears that the stream lives and where it stands', async (t) => {
  const engine = await (await place(t))({ partitions: 3 })
  const { url } = await serve(t, engine)
  const source = await eventSource(t, url)
  const first = await until(() => source.lastEventId !== '' && source.lastEventId)
  await until(() => source.comments.length > 3)
  await publish(engine, 1, 0, { topic: 'others' })
  await until(() => source.lastEventId !== first)
  t.strictSame(source.messages, [])
})

t.test('who takes nothing for long is cut off, and can go on', async (t) => {
  const engine = await (await place(t))({ partitions: 3 })
  const { url, port, streams } = await serve(t, engine)
  const before = await eventSource(t, url)
  const from = await until(() => before.lastEventId !== '' && before.lastEventId)
  before.close()
  await until(() => streams.count === 0)
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until(() => streams.count === 1)
  const data = 'x'.repeat(60_000)
  const ids: string[] = []
  while (streams.count > 0 && ids.length < 2000) ids.push(...(await publish(engine, 5, 0, { data })))
  t.equal(streams.count, 0, 'cut off')
  t.equal(streams.buffered, 0)
  const again = await eventSource(t, `${url}?${from}`)
  await heard(again, ids.length)
  t.strictSame(idsOf(again), ids)
})

if (redisInstalled(t)) {
  t.test('readers share the looks and the connections of a process', async (t) => {
    const { url, client } = await redisServer(t)
    const engine = await onRedis(t, url)
    const { url: at } = await serve(t, engine)
    const commands = async () => {
      const stats = await client.info('commandstats')
      return [...stats.matchAll(/cmdstat_(?:evalsha|eval):calls=(\d+)/g)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      )
    }
    const load = async (sources: EventSource[]) => {
      const before = await commands()
      const count = (sources[0]?.messages.length ?? 0) + 60
      for (let n = 0; n < 60; n++) {
        await publish(engine, 1, n)
        await until(() => sources[0] !== undefined && sources[0].messages.length > count - 60 + n)
      }
      await Promise.all(sources.map((source) => until(() => source.messages.length >= 60)))
      return (await commands()) - before
    }
    const one = await load([await eventSource(t, at)])
    const connected = String(await client.client('LIST')).split('\n').length
    const many = await load(await Promise.all(Array.from({ length: 50 }, () => eventSource(t, at))))
    t.equal(String(await client.client('LIST')).split('\n').length, connected, 'no connection a reader')
    t.comment(`commands for 60 events: ${one} with 1 reader, ${many} with 51`)
    t.ok(many < 2 * one, `${many} commands with 51 readers, ${one} with one`)
  })

  t.test(
    'connections are killed, Redis is killed: no gap, nothing twice, in another process too',
    async (t) => {
      const server = await redisServer(t, { args: ['--appendfsync', 'always'] })
      const engine = await onRedis(t, server.url)
      const other = await onRedis(t, server.url)
      const [here, there] = [await serve(t, engine), await serve(t, other)]
      const sources = [await eventSource(t, here.url), await eventSource(t, there.url)]
      const ids: string[] = []
      const add = async (count: number) => {
        for (let n = 0; n < count; n++)
          ids.push(...(await until(async () => publish(other, 1, n % 3).catch(() => false as const))))
      }
      await add(20)
      for (let round = 0; round < 3; round++) {
        await server.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
        // Nothing is published behind it that would wake anybody.
        await add(1)
        for (const source of sources) await until(() => source.messages.length >= ids.length)
        await add(20)
      }
      await server.kill()
      for (const source of sources) {
        const { length } = source.comments
        await until(() => source.comments.length > length + 2)
      }
      await server.start()
      await add(20)
      for (const source of sources) {
        await until(() => source.messages.length >= ids.length)
        t.strictSame(idsOf(source).sort(), [...new Set(ids)].sort())
      }
      const middle = sources[0]?.messages[49]
      const resumed = await eventSource(t, `${there.url}?${middle?.id}`)
      await until(() => resumed.messages.length >= ids.length - 50)
      t.strictSame(
        idsOf(resumed).sort(),
        idsOf(sources[0] as EventSource)
          .slice(50)
          .sort(),
      )
    },
  )
}
