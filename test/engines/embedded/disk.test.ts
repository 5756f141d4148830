import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { all, event, publishing } from '../contract/fixtures.js'
import type { Report } from './filler.js'
import { folder, openOn } from './fixtures.js'

/** Whether a small disk could be put at a path; needs the right to mount. */
function smallDisk(t: Test, path: string): boolean {
  mkdirSync(path)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', path]).status === 0
  if (mounted) t.teardown(() => spawnSync('umount', ['-l', path]))
  else console.error('NOT TESTED WITH A FULL DISK: mounting one needs root')
  return mounted
}

t.test('a full disk stops the engine once, and nothing acknowledged is lost', async (t) => {
  const dataDir = folder(t)
  if (!smallDisk(t, dataDir)) return t.pass('no disk to fill')
  const child = fork(fileURLToPath(new URL('filler.ts', import.meta.url)), [dataDir], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [[report], [code]] = (await Promise.all([once(child, 'message'), once(child, 'exit')])) as [
    [Report],
    [number],
  ]
  t.equal(code, 0, 'no rejection was left unhandled')
  t.ok(report.acknowledged.length > 0)
  t.equal(report.fatal.length, 1, 'it is said once')
  t.match(report.fatal[0], /^Unavailable: the data file could not be written: /)
  t.strictSame(new Set(report.refused), new Set(report.fatal), 'to every writer')
  t.strictSame(
    report.later,
    ['commit', 'get'].map(() => report.fatal[0]),
    'and from then on',
  )

  spawnSync('mount', ['-o', 'remount,size=20m', dataDir])
  const engine = await openOn(t, dataDir)
  const kept = new Set((await all(engine, 'keys', {})).map(({ id }) => id))
  t.strictSame(
    report.acknowledged.filter((id) => !kept.has(id)),
    [],
  )
  await engine.commit(publishing(0, event(0)))
})
