import Fastify from 'fastify'
import t from 'tap'
import redis from '../../plugins/redis.js'
import { until } from '../engines/redis/fixtures.js'
import { redisInstalled, redisServer } from '../redis-server.js'

t.test('without a URL there is no connection', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(redis, { redisUrl: null, waitReplicas: 0 })
  t.equal(app.redis, null)
})

t.test('an outage is logged when it begins and when it ends, without credentials', async (t) => {
  if (!redisInstalled(t)) return
  const server = await redisServer(t)
  const lines: { level: number; msg: string }[] = []
  const app = Fastify({ logger: { stream: { write: (line: string) => lines.push(JSON.parse(line)) } } })
  t.teardown(() => app.close())
  await app.register(redis, { redisUrl: server.url, waitReplicas: 0 })
  const { redis: connections } = app
  if (connections === null) throw new Error('no connection')
  await until(() => connections.commands.status === 'ready')
  t.strictSame(lines, [])

  await server.kill()
  await until(() => lines.length === 1)
  await server.start()
  await until(() => lines.length === 2)
  const redisAt = `127.0.0.1:${server.port}`
  t.match(lines, [
    { level: 40, msg: 'Redis is out of reach', redis: redisAt },
    { level: 30, msg: 'Redis is back', redis: redisAt },
  ])
  t.notMatch(JSON.stringify(lines), new URL(server.url).password)
})

t.test('closing the app closes the connections', async (t) => {
  if (!redisInstalled(t)) return
  const server = await redisServer(t)
  const app = Fastify()
  await app.register(redis, { redisUrl: server.url, waitReplicas: 0 })
  const { redis: connections } = app
  if (connections === null) throw new Error('no connection')
  await until(() => connections.commands.status === 'ready')
  const clients = async () => String(await server.client.client('LIST')).match(/name=keypost/g)?.length ?? 0
  await until(async () => (await clients()) === 2)
  await app.close()
  await until(async () => (await clients()) === 0)
  t.equal(connections.commands.status, 'end')
})
