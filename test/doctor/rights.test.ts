import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { examineRedis } from '../../src/doctor/redis.js'
import { COMMANDS, OPTIONAL_COMMANDS, REPLICA_COMMANDS, ruleOf } from '../../src/engines/redis/commands.js'
import { usersFile } from '../../src/engines/redis/users.js'
import { build, submit } from '../helper.js'
import { type RedisServer, redisInstalled, redisServer } from '../redis-server.js'
import { configOf, examined, PEPPER } from './fixtures.js'

/** The text of every file below the given folders whose name ends so. */
const textOf = (folders: string[], end: string): string =>
  folders
    .flatMap((path) => {
      const folder = new URL(`../../${path}/`, import.meta.url)
      const names = readdirSync(folder, { recursive: true }) as string[]
      return names
        .filter((name) => name.endsWith(end))
        .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    })
    .join('\n')

const listed = [...COMMANDS, ...REPLICA_COMMANDS, ...OPTIONAL_COMMANDS]
const words = new Set(listed.map(([command = '']) => command))

t.test('every command of a script is listed', async (t) => {
  const lua = textOf(['src/engines/redis/lua'], '.lua')
  const called = [...lua.matchAll(/redis\.p?call\(\s*'(\w+)'/g)].map(([, command = '']) => command)
  t.ok(called.length > 100, 'they are found')
  t.equal(called.length, lua.match(/redis\.p?call\(/g)?.length, 'each names its command')
  t.strictSame(
    called.filter((command) => !words.has(command)),
    [],
  )
})

/** Done here, and not sent. */
const NOT_SENT = new Set(['on', 'off', 'disconnect', 'map'])

t.test('every command that is sent is listed', async (t) => {
  const text = textOf(['src/engines/redis', 'src/doctor', 'plugins'], '.ts')
  const sent = [...text.matchAll(/\b(?:redis|commands|subscriptions|writes)\.([a-z]+)\(/g)]
    .map(([, name = '']) => name)
    .filter((name) => !NOT_SENT.has(name))
  t.ok(sent.length > 15, 'they are found')
  t.strictSame(
    sent.filter((name) => !words.has(name.toUpperCase())),
    [],
  )
})

t.test('what is listed is used', async (t) => {
  const text = textOf(['src/engines/redis', 'src/doctor'], '.ts').replace(
    /export const COMMANDS[\s\S]*?\n\]/,
    '',
  )
  const all = text + textOf(['src/engines/redis/lua'], '.lua')
  for (const word of words) {
    if (word === 'CLIENT') continue // SETNAME is sent for `connectionName`
    t.match(all, new RegExp(`\\.${word.toLowerCase()}\\(|call\\('${word}'`), word)
  }
})

if (redisInstalled(t)) {
  /** Gives the user of Keypost the rights that the ACL file gives it, and then less. */
  const allow = async ({ client, url }: RedisServer, ...less: string[]) => {
    const [, , ...words] =
      usersFile()
        .match(/^user keypost .*$/m)?.[0]
        .split(' ') ?? []
    const rules = words.map((word) => (word.startsWith('#') ? `>${new URL(url).password}` : word))
    await client.acl('SETUSER', 'keypost', ...rules, ...less)
  }

  t.test('the list is enough to work with, and the doctor says so', async (t) => {
    const server = await redisServer(t)
    const { url } = server
    const app = await build(t, { REDIS_URL: url, KEY_PEPPER: PEPPER })
    const { result } = await submit(app, { key: 'not-a-real-key-of-rights', profileId: undefined })
    t.equal(result.outcome.code, 'accepted')
    const { checks, failures } = await examined(examineRedis(configOf({ REDIS_URL: url }), url))
    t.strictSame(failures, [])
    t.match(checks[1], { name: 'rights', level: 'ok' })
    t.strictSame(await server.client.acl('LOG'), [], 'nothing was refused')
  })

  t.test('each right that is missing is named, with the rule that gives it', async (t) => {
    const server = await redisServer(t)
    const { url } = server
    const look = async (...less: string[]) => {
      await allow(server, ...less)
      return examined(examineRedis(configOf({ REDIS_URL: url }), url))
    }
    for (const command of COMMANDS) {
      const { failures } = await look(`-${ruleOf(command)}`)
      t.match(failures, [/^✗ rights /], ruleOf(command))
      if (!['EVAL', 'EVALSHA'].includes(command[0] ?? '')) t.match(failures[0], `+${ruleOf(command)} `)
      t.match(failures[0], 'examples/redis/users.acl')
      t.notMatch(failures[0], new URL(url).password)
    }
    t.match((await look('resetchannels', '&keypost:wake')).failures, [/publish \(channel key_submission\)/])
    t.match((await look('resetkeys', '~other:*')).failures, [/may not [^\n]*hget/])
    const { failures, warnings } = await look('-config|get')
    t.strictSame(failures, [])
    t.match(warnings[0], /^! rights .*not config\|get/)
  })

  t.test('WAIT and SELECT are asked for where they are used', async (t) => {
    const server = await redisServer(t)
    const { url } = server
    await allow(server, '-wait', '-select')
    const waiting = await examined(examineRedis(configOf({ REDIS_URL: url, WAIT_REPLICAS: '1' }), url))
    t.match(waiting.failures, [/the user may not wait\n/])
    const other = await examined(examineRedis(configOf({ REDIS_URL: `${url}/1` }), `${url}/1`))
    t.match(other.failures, [/the user may not select\n/])
  })
}
