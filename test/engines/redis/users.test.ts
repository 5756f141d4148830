import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import t from 'tap'
import { examineRedis } from '../../../src/doctor/redis.js'
import { USERS_FILE, usersFile } from '../../../src/engines/redis/users.js'
import { configOf, examined, pepperIds } from '../../doctor/fixtures.js'
import { redisInstalled, redisServer, redisUrl } from '../../redis-server.js'
import { creation, open, until } from './fixtures.js'

t.test('the ACL file in the repository is made of the list of commands', async (t) => {
  const file = readFileSync(new URL(`../../../${USERS_FILE}`, import.meta.url), 'utf8')
  t.equal(file, usersFile(), 'run `npm run acl`')
  t.match(file, /^user default reset off /m)
  t.notMatch(file, /#[0-9a-f]{64}|nopass| >/, 'no password that works')
})

if (redisInstalled(t)) {
  const refused = { name: 'ReplyError', message: /^NOPERM|^WRONGPASS|^NOAUTH/ }

  t.test('nobody comes in without a password', async (t) => {
    const { port } = await redisServer(t)
    const anyone = new Redis(port, '127.0.0.1', { enableReadyCheck: false })
    t.teardown(() => anyone.disconnect())
    await t.rejects(anyone.get('keypost:meta'), refused)
  })

  t.test('with nobody let in by default, a restart brings back what scripts wrote', async (t) => {
    const server = await redisServer(t, { args: ['--appendfsync', 'always'] })
    const engine = await open(t, server.url, { partitions: 1 })
    const { change, record } = creation('profile_events')
    await engine.commit(change)
    await server.kill()
    await server.start()
    await until(async () => (await engine.get('profiles', record.id).catch(() => null)) !== null)
  })

  t.test('Keypost reaches what is its own, and gives no command that it does not need', async (t) => {
    const { url, client } = await redisServer(t)
    await client.set('other', 'secret')
    const keypost = new Redis(url)
    t.teardown(() => keypost.disconnect())
    t.equal(await keypost.get('keypost:nothing'), null)
    for (const [command, ...args] of [
      ['GET', 'other'],
      ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'other'],
      ['PUBLISH', 'channel.of.others', ''],
      ['SUBSCRIBE', 'channel.of.others'],
      ['FLUSHALL'],
      ['KEYS', 'keypost:*'],
      ['CONFIG', 'SET', 'dir', '/tmp'],
      ['ACL', 'LIST'],
      ['SCRIPT', 'FLUSH'],
      ['SLOWLOG', 'RESET'],
    ] as [string, ...string[]][])
      await t.rejects(
        keypost.call(command, ...args),
        { message: /NOPERM|No permissions|can't access/ },
        command,
      )
  })

  t.test('a user who lacks a right is refused at the start, before anything is written', async (t) => {
    const { url, client } = await redisServer(t)
    const lacking = async (...less: string[]) => {
      await client.acl('SETUSER', 'keypost', ...less)
      const refused = await open(t, url, { partitions: 1 }).then(
        () => 'it started',
        (error: Error) => `${error.name}: ${error.message}`,
      )
      await client.acl('LOAD')
      return refused
    }
    for (const right of ['hincrby', 'xadd', 'get', 'info', 'xinfo|stream', 'publish', 'subscribe']) {
      const refused = await lacking(`-${right}`)
      t.match(refused, `Misconfigured: the user of REDIS_URL may not ${right} `, right)
      t.match(refused, USERS_FILE)
      t.notMatch(refused, new URL(url).password)
    }
    t.match(await lacking('-evalsha', '-eval'), 'Misconfigured: the user of REDIS_URL may not run scripts ')
    t.match(await lacking('resetkeys', '~keypost:meta'), / may not .*xadd/)
    t.equal(await client.dbsize(), 0)
    await open(t, url, { partitions: 1 })
    t.ok((await client.dbsize()) > 0)
  })

  t.test('whoever only listens can do nothing else', async (t) => {
    const { port } = await redisServer(t)
    const listener = new Redis(redisUrl(port, 'listener'), { enableReadyCheck: false })
    t.teardown(() => listener.disconnect())
    for (const [command, ...args] of [
      ['HGETALL', 'keypost:meta'],
      ['PUBLISH', 'key_submission', '{}'],
      ['SUBSCRIBE', 'keypost:wake'],
      ['PSUBSCRIBE', '*'],
      ['EVAL', 'return 1', '0'],
    ] as [string, ...string[]][])
      await t.rejects(listener.call(command, ...args), refused, command)
    t.equal(await listener.subscribe('key_submission'), 1)
  })

  t.test(
    'events of a topic whose channel is not allowed are kept, and the doctor says who misses them',
    async (t) => {
      const { url, client } = await redisServer(t)
      const engine = await open(t, url, { partitions: 1, pepperIds })
      const woken: number[] = []
      await new Promise<void>((resolve) => {
        engine.watch((partition) => {
          woken.push(partition)
          resolve()
        })
      })
      woken.length = 0
      const { change, eventId } = creation('orders')
      await engine.commit(change)
      t.match(await engine.get('events', eventId), { topic: 'orders' })
      await until(() => woken.length > 0)
      const look = () => examined(examineRedis(configOf({ REDIS_URL: url }), url))
      const { failures, warnings } = await look()
      t.strictSame(failures, [])
      t.match(warnings.join('\n'), /channels of orders: .*\n.*ACL SETUSER <user> &orders,/)

      await client.acl('SETUSER', 'keypost', '&orders')
      t.notMatch((await look()).warnings.join('\n'), /orders/)
    },
  )
}
