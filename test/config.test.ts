import { readFileSync } from 'node:fs'
import t from 'tap'
import { ConfigError, Environment, loadConfig } from '../src/config.js'
import { API_TOKENS, entry } from './tokens.js'

const refused = (env: Record<string, string>): string => {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'accepted'
}

t.test('.env.example names every variable, its real default, and a comment', async (t) => {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8')
  const found = [...text.matchAll(/^# (?<comment>.+)\n# (?<name>[A-Z_]+)=(?<value>.*)$/gm)].map(
    ({ groups }) => groups,
  )
  const expected = Object.entries(Environment.properties).map(([name, schema]) => {
    const { description, default: value = '' } = schema as { description?: string; default?: string | number }
    return { comment: description, name, value: String(value) }
  })
  t.same(found, expected)
})

t.test('without a variable, the defaults', async (t) => {
  t.match(loadConfig({}), { HOST: '127.0.0.1', PORT: 3000, DATA_DIR: '.data', peppers: [] })
  t.match(loadConfig({ PORT: '' }), { PORT: 3000 }, 'empty is unset')
})

t.test('digits become numbers', async (t) => {
  t.match(loadConfig({ PORT: '0', PARTITIONS: '4' }), { PORT: 0, PARTITIONS: 4 })
})

t.test('a malformed value is refused in one line that names the variable', async (t) => {
  for (const [name, value] of Object.entries({
    PORT: '70000',
    PARTITIONS: '0',
    LEASE_MS: '10s',
    MAX_ATTEMPTS: 'true',
    SUBSCRIBER: 'yes',
    LOG_LEVEL: 'loud',
    REDIS_URL: 'http://127.0.0.1',
    KEYPOST_SOURCE: 'has space',
  })) {
    const message = refused({ [name]: value })
    t.match(message, new RegExp(`^${name}: `), name)
    t.notMatch(message, '\n')
  }
  t.equal(refused({ PORT: 'x', LEASE_MS: 'y' }).split('\n').length, 2)
})

t.test('a secret is not printed', async (t) => {
  t.notMatch(refused({ KEY_PEPPER: 'too-short-secret' }), 'too-short-secret')
  t.notMatch(refused({ REDIS_URL: 'http://:secret@host' }), 'secret')
  const url = refused({ REDIS_URL: 'redis://:secret@no host', KEY_PEPPER: 'a'.repeat(32) })
  t.match(url, /^REDIS_URL: must be a URL/)
  t.notMatch(url, 'secret')
})

t.test('peppers are split at commas, each of at least 32 characters', async (t) => {
  const [a, b] = ['a'.repeat(32), 'b'.repeat(40)]
  t.same(loadConfig({ KEY_PEPPER: `${a},${b}` }).peppers, [a, b])
  t.match(refused({ KEY_PEPPER: `${a},short` }), /^KEY_PEPPER: /)
})

t.test('Redis without a pepper is refused', async (t) => {
  t.match(refused({ REDIS_URL: 'redis://127.0.0.1' }), /^KEY_PEPPER: is required/)
})

t.test('an address that others reach is refused', async (t) => {
  for (const HOST of ['0.0.0.0', '::', '192.168.0.1', '127.0.0.999', 'example.com'])
    t.match(refused({ HOST }), /^HOST: /, HOST)
  for (const HOST of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
    t.equal(refused({ HOST }), 'accepted', HOST)
})

t.test('with tokens Keypost may be reached from elsewhere', async (t) => {
  for (const HOST of ['0.0.0.0', '::', '192.168.0.1'])
    t.equal(refused({ HOST, API_TOKENS }), 'accepted', HOST)
  t.same(loadConfig({ API_TOKENS: '' }).tokens, [], 'empty is unset')
  t.match(refused({ HOST: '0.0.0.0', API_TOKENS: '' }), /^HOST: /)
})

t.test('malformed API_TOKENS are refused by their place, and nothing of them is printed', async (t) => {
  const secret = 'kp_a-token-where-its-entry-should-be'
  const good = entry(secret, 'ci', 'read')
  const digest = good.slice(-64)
  for (const [API_TOKENS, said] of [
    [secret, /entry 1 must be name:scopes:sha256/],
    [`${good},`, /entry 2 must be/],
    [`${good},${secret}`, /entry 2 must be/],
    [`ci:read:${secret}`, /entry 1 must be/],
    [`:read:${digest}`, /entry 1 must be/],
    [`a b:read:${digest}`, /entry 1 must be/],
    [`${'n'.repeat(64)}:read:${digest}`, /entry 1 must be/],
    [`ci:read:${digest.toUpperCase()}`, /entry 1 must be/],
    [`ci:read:${digest}00`, /entry 1 must be/],
    [`ci::${digest}`, /entry 1 must be/],
    [`ci:all:${digest}`, /the scopes of entry 1 must be some of read, write, admin/],
    [`ci:read+read:${digest}`, /the scopes of entry 1/],
    [`ci:read+:${digest}`, /the scopes of entry 1/],
    [`${good},${good}`, /a token of "ci" is there twice/],
    [`${good},other:read:${digest}`, /is there twice/],
    [[1, 2, 3].map((n) => entry(`kp_${n}`, 'ci', 'read')).join(), /"ci" has more than 2 tokens/],
    [entry('kp_1', 'n', 'read').repeat(1000), /^API_TOKENS: must not have more than/],
  ] as const) {
    const message = refused({ API_TOKENS })
    t.match(message, /^API_TOKENS: /)
    t.match(message, said)
    t.notMatch(message, '\n')
    for (const part of [secret, digest, digest.toUpperCase()]) t.notOk(message.includes(part), message)
  }
})
