import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config.js'
import { examineEmbedded } from '../../src/doctor/embedded.js'
import { examineRedis } from '../../src/doctor/redis.js'
import { examined } from '../doctor/fixtures.js'
import { build, folder, newKey, submit } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const [older, newer] = ['o'.repeat(32), 'n'.repeat(32)]

/** Starts with these peppers, submits a key, and answers what became of it and which warnings were logged. */
async function start(t: Test, env: Record<string, string>, key: string) {
  const lines: { level: number; code?: string }[] = []
  const app = await build(t, env, { write: (line) => void lines.push(JSON.parse(line)) })
  const submitted = await submit(app, { key })
  await app.close()
  return { ...submitted, warned: lines.some(({ code }) => code === 'unknown_pepper') }
}

async function rotates(t: Test, env: Record<string, string>) {
  const key = newKey()
  const first = await start(t, { ...env, KEY_PEPPER: older }, key)
  t.match(first, { result: { outcome: { code: 'accepted' } }, warned: false })
  for (const KEY_PEPPER of [`${older},${newer}`, `${newer},${older}`])
    t.match(await start(t, { ...env, KEY_PEPPER }, key), {
      result: { outcome: { code: 'duplicate', duplicateOf: first.id } },
      warned: false,
    })

  const doctor = async (KEY_PEPPER: string) => {
    const config = loadConfig({ ...env, KEY_PEPPER })
    const { REDIS_URL: url } = config
    return examined(url === undefined ? examineEmbedded(config) : examineRedis(config, url))
  }
  const both = await doctor(`${newer},${older}`)
  t.strictSame(both.failures, [])
  t.notMatch(both.warnings.join('\n'), /pepper/)
  const one = await doctor(newer)
  t.strictSame(one.failures, [])
  t.match(one.warnings.join('\n'), /^! pepper .*duplicates of its keys are not found/m)
  t.match((await doctor('x'.repeat(32))).failures.join('\n'), /none of KEY_PEPPER/)

  t.match(await start(t, { ...env, KEY_PEPPER: newer }, key), {
    result: { outcome: { code: 'accepted' } },
    warned: true,
  })
}

t.test('peppers are rotated, and one that is left out too early is warned of: embedded', async (t) => {
  await rotates(t, { DATA_DIR: await folder(t) })
})

t.test('peppers are rotated, and one that is left out too early is warned of: redis', async (t) => {
  if (!redisInstalled(t)) return
  const { url } = await redisServer(t)
  await rotates(t, { REDIS_URL: url, LEASE_MS: '2000' })
})

t.test('the pepper that the embedded engine made goes on under one that is given', async (t) => {
  const DATA_DIR = await folder(t)
  const key = newKey()
  const { id } = await start(t, { DATA_DIR }, key)
  const made = (await readFile(`${DATA_DIR}/pepper`, 'utf8')).trim()
  const { result } = await start(t, { DATA_DIR, KEY_PEPPER: `${newer},${made}` }, key)
  t.match(result.outcome, { code: 'duplicate', duplicateOf: id })
})
