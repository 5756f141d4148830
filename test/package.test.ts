import { execFile } from 'node:child_process'
import { copyFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { folder } from './helper.js'
import { redisInstalled, redisServer } from './redis-server.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

/** What is packed (`npm test` builds it first), installed where there is nothing else. */
async function installed(t: Test): Promise<string> {
  const path = await folder(t)
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', path], { cwd: ROOT })
  const [packed] = JSON.parse(stdout) as { filename: string }[]
  await writeFile(join(path, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const quietly = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']
  await run('npm', ['install', ...quietly, `./${packed?.filename}`], { cwd: path, timeout: 150_000 })
  return path
}

const PROGRAM = `
import { connect, KeypostError, type EventOn } from 'keypost'
import { testApp } from 'keypost/testing'

const bus = await connect({ redisUrl: 'redis://127.0.0.1', pepper: 'p' })
const { record, eventId } = await bus.publishKeySubmitted('a', 'b', { metadata: { env: 'test' } })
const status: 'pending' | 'accepted' | 'duplicate' | 'rejected' | 'revoked' = record.status
const id: string | null = eventId
bus.subscribe('processing_results', { name: 'results' }, async (event) => {
  if (event.type === 'event.dead') console.log(event.data.error?.code)
  const type: 'event.processed' | 'event.dead' = event.type
})
bus.subscribe('profile_events', { name: 'profiles' }, ({ data }) => data.email.length)
// @ts-expect-error: a profile has no fingerprint
bus.subscribe('profile_events', { name: 'profiles' }, ({ data }) => data.fingerprint)
// @ts-expect-error: what others publish may be anything
for await (const { data } of bus.listen('orders')) console.log(data.total)
const deleted = (event: EventOn<'key_submission'>) => event.type === 'key.deleted' && event.data.masked
const kp = await testApp()
console.log(kp.published, KeypostError, deleted, status, id)
`

t.test('the packed package, in an empty folder', async (t) => {
  if (!redisInstalled(t)) return
  const path = await installed(t)

  await t.test('importing it does nothing', async (t) => {
    const before = await readdir(path)
    const { stdout, stderr } = await run(process.execPath, ['-e', "import('keypost')"], {
      cwd: path,
      timeout: 20_000,
    })
    t.equal(stdout + stderr, '')
    t.strictSame(await readdir(path), before)
  })

  await t.test('the example runs on a real Redis', async (t) => {
    const { url } = await redisServer(t)
    await copyFile(join(ROOT, 'examples/client.mjs'), join(path, 'client.mjs'))
    const env = { ...process.env, REDIS_URL: url, KEY_PEPPER: 'a pepper of the example that is long enough' }
    const { stdout, stderr } = await run(process.execPath, ['client.mjs'], {
      cwd: path,
      env,
      timeout: 60_000,
    })
    t.equal(stderr, '')
    t.strictSame(stdout.trim().split('\n'), [
      'live: order.placed of orders/1, 42 in total',
      'submitted: Token Name, ****wxyz, pending',
      'durable: key.submitted of Token Name',
      'published: 1 on orders',
    ])
  })

  await t.test('its types say what an event holds', async (t) => {
    await writeFile(join(path, 'program.ts'), PROGRAM)
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2023', '--module', 'nodenext']
    const { stdout } = await run(process.execPath, [tsc, ...options, 'program.ts'], { cwd: path }).catch(
      (error: { stdout: string }) => error,
    )
    t.equal(stdout, '')
  })

  await t.test('its command runs', async (t) => {
    const { stdout } = await run('npx', ['keypost', '--version'], { cwd: path, timeout: 60_000 })
    t.match(stdout, /^\d+\.\d+\.\d+/)
  })
})
