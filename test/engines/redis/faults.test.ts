import { ReplyError } from 'ioredis'
import t from 'tap'
import { fault } from '../../../src/engines/redis/faults.js'
import { redisInstalled, redisServer } from '../../redis-server.js'
import { creation, open, processed, take } from './fixtures.js'

/** As the client makes it of a reply: with the command and all that was sent. */
const reply = (message: string) =>
  Object.assign(new ReplyError(message), { command: { name: 'evalsha', args: ['secret'] } })

t.test('what Redis cannot do now is Unavailable', async (t) => {
  for (const code of [
    ...['LOADING', 'READONLY', 'MASTERDOWN', 'OOM', 'MISCONF', 'CLUSTERDOWN', 'NOREPLICAS', 'TRYAGAIN'],
    ...['UNBLOCKED', 'BUSY', 'NOAUTH', 'WRONGPASS', 'NOPERM'],
  ])
    t.match(fault(reply(`${code} not now`)), { name: 'Unavailable', message: `Redis refuses: ${code}` })
  for (const message of ['connect ECONNREFUSED 127.0.0.1:6379', 'Command timed out', 'Connection is closed.'])
    t.match(fault(new Error(message)), {
      name: 'Unavailable',
      message: `Redis cannot be reached: ${message}`,
    })
})

t.test('what is wrong with a command is no outage', async (t) => {
  t.match(fault(reply('WRONGTYPE Operation against a key')), { name: 'Error', message: /WRONGTYPE/ })
  t.match(fault(reply('ERR unknown command')), { name: 'Error', message: /unknown command/ })
})

t.test('no error carries what was sent', async (t) => {
  for (const message of ['OOM no', 'ERR no']) {
    const error = fault(reply(message))
    t.notMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /secret/)
  }
})

t.test('a server without enough replicas refuses changes and settlements whole', async (t) => {
  if (!redisInstalled(t)) return
  const server = await redisServer(t)
  const engine = await open(t, server.url, { partitions: 1 })
  const { token } = await take(engine)
  await engine.commit(creation('before').change)
  const { fresh } = await engine.claim(0, null, 10)
  await server.client.config('SET', 'min-replicas-to-write', '1')

  const { record, change } = creation('refused')
  const expected = { name: 'Unavailable', message: /NOREPLICAS/ }
  await t.rejects(engine.commit(change), expected)
  await t.rejects(engine.settle(0, token, fresh.map(processed)), expected)
  t.equal(await engine.get('profiles', record.id), null)
  t.match((await engine.stats()).topics, { before: { published: 1, pending: 1 } })

  await server.client.config('SET', 'min-replicas-to-write', '0')
  t.equal((await engine.commit(change)).replayed, false)
  t.strictSame(await engine.settle(0, token, fresh.map(processed)), ['settled'])
})
