import t, { type Test } from 'tap'
import { connect } from '../../../src/engines/redis/connections.js'
import { DurabilityWatch } from '../../../src/engines/redis/durability.js'
import { Store } from '../../../src/engines/redis/store.js'
import { build } from '../../helper.js'
import { redisInstalled, redisServer } from '../../redis-server.js'
import { until } from './fixtures.js'

/** A replica need not wait for others that might come. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0']

/** What is warned of at each look at a server. */
function watched(t: Test, url: string, waitReplicas = 0) {
  const connections = connect(url, waitReplicas)
  const codes: string[] = []
  const watch = new DurabilityWatch(new Store(connections), ({ code }) => codes.push(code))
  t.teardown(() => {
    watch.close()
    connections.close()
  })
  return async () => {
    await watch.look()
    return codes.splice(0)
  }
}

if (redisInstalled(t)) {
  t.test('what a crash could take is warned of once, and again when it comes back', async (t) => {
    const { url, client } = await redisServer(t)
    const look = watched(t, url)
    t.strictSame(await look(), ['appendfsync_everysec', 'no_replica'])
    t.strictSame(await look(), [])
    await client.config('SET', 'appendfsync', 'always')
    t.strictSame(await look(), [])
    await client.config('SET', 'appendfsync', 'no')
    t.strictSame(await look(), ['appendfsync_no'])
    await client.config('SET', 'appendonly', 'no')
    t.strictSame(await look(), ['aof_off'])
    await client.config('SET', 'appendonly', 'yes', 'appendfsync', 'everysec')
    t.strictSame(await look(), ['appendfsync_everysec'])
    await until(async () => (await client.info('persistence')).includes('aof_rewrite_in_progress:0'))
  })

  t.test('a replica, or waiting for one, is enough', async (t) => {
    const { url, port, client } = await redisServer(t, { args: ['--appendfsync', 'always', ...AT_ONCE] })
    t.strictSame(await watched(t, url)(), ['no_replica'])
    t.strictSame(await watched(t, url, 1)(), [], 'without any replica no write is acknowledged then')
    const replica = await redisServer(t, { args: ['--replicaof', '127.0.0.1', String(port)] })
    await until(async () => (await client.info('replication')).includes('state=online'))
    const look = watched(t, url)
    t.strictSame(await look(), [])
    await replica.kill()
    await until(async () => !(await client.info('replication')).includes('state=online'))
    t.strictSame(await look(), ['no_replica'])
  })

  t.test('what this user may not ask is not guessed; out of reach, nothing is', async (t) => {
    const server = await redisServer(t)
    await server.client.acl('SETUSER', 'keypost', '-config|get')
    const look = watched(t, server.url)
    t.strictSame(await look(), ['no_replica'])
    await server.kill()
    t.strictSame(await look(), [])
  })

  t.test('a start says so in the log, with a code', async (t) => {
    const server = await redisServer(t)
    const lines: { level: number; code?: string }[] = []
    const logTo = { write: (line: string) => lines.push(JSON.parse(line)) }
    await build(t, { REDIS_URL: server.url, KEY_PEPPER: 'p'.repeat(32) }, logTo)
    const warned = () => lines.filter(({ code }) => code !== undefined)
    await until(() => warned().length === 2)
    t.match(warned(), [
      { level: 40, code: 'appendfsync_everysec' },
      { level: 40, code: 'no_replica' },
    ])
    await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal')
    await until(() => lines.some((line) => JSON.stringify(line).includes('Redis is back')))
    t.equal(warned().length, 2)
  })
}
