import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { pepperIn } from '../../../src/engines/embedded/pepper.js'
import { folder, openOn } from './fixtures.js'

const writer = fileURLToPath(new URL('writer.ts', import.meta.url))

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

t.test('the folder is its owner’s alone', async (t) => {
  const dataDir = folder(t)
  await openOn(t, dataDir)
  t.equal(await modeOf(dataDir), 0o700)
})

t.test('an empty folder that others can read is closed to them', async (t) => {
  const dataDir = folder(t)
  await mkdir(dataDir)
  await chmod(dataDir, 0o755)
  await openOn(t, dataDir)
  t.equal(await modeOf(dataDir), 0o700)
})

t.test('a folder that others use is left as it is', async (t) => {
  const dataDir = folder(t)
  await mkdir(dataDir)
  await chmod(dataDir, 0o755)
  await writeFile(join(dataDir, 'theirs'), '')
  await t.rejects(openOn(t, dataDir), { name: 'Misconfigured', message: /^DATA_DIR .* holds other files/ })
  t.equal(await modeOf(dataDir), 0o755)
  t.strictSame(await readdir(dataDir), ['theirs'])
})

t.test('a path that is no folder is refused in one line', async (t) => {
  const path = folder(t)
  await writeFile(path, '')
  await t.rejects(openOn(t, path), { name: 'Misconfigured', message: /^DATA_DIR [^\n]*$/ })
})

t.test('a second engine on the folder is refused, and the first one goes on', async (t) => {
  const dataDir = folder(t)
  const first = await openOn(t, dataDir)
  await t.rejects(openOn(t, dataDir), {
    name: 'Misconfigured',
    message: `DATA_DIR ${dataDir} is in use by another process`,
  })
  await first.swap(0, { name: 'n', from: null, to: 'v' })
  await first.close()
  t.strictSame(
    (await readdir(dataDir)).filter((name) => name.startsWith('lock-')),
    [],
    'no socket is left',
  )
  const second = await openOn(t, dataDir)
  t.equal(await second.swap(0, { name: 'n', from: null, to: null }), 'v')
})

t.test(
  'a second process is refused while the first lives, stopped or not, and gets in after it is killed',
  async (t) => {
    const dataDir = folder(t)
    const child = fork(writer, [dataDir])
    t.teardown(() => child.kill('SIGKILL'))
    await once(child, 'message')
    await t.rejects(openOn(t, dataDir), { name: 'Misconfigured' })
    child.kill('SIGSTOP')
    await t.rejects(openOn(t, dataDir), { name: 'Misconfigured' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await openOn(t, dataDir)
    t.equal((await readdir(dataDir)).filter((name) => name.startsWith('lock-')).length, 1)
  },
)

t.test('of many that start at once after a crash, exactly one gets the folder', async (t) => {
  const dataDir = folder(t)
  const start = () => {
    const child = fork(writer, [dataDir], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
  const crashed = start()
  await once(crashed, 'message')
  crashed.kill('SIGKILL')
  await once(crashed, 'exit')
  const children = Array.from({ length: 4 }, start)
  const outcomes = await Promise.all(
    children.map((child) =>
      Promise.race([
        once(child, 'message').then(() => 'got it'),
        once(child, 'exit').then(([code]) => `gave up with ${code}`),
      ]),
    ),
  )
  t.strictSame(outcomes.sort(), [...Array(3).fill('gave up with 1'), 'got it'])
})

t.test('a path that is too long for the lock is refused with what is wrong', async (t) => {
  const dataDir = join(folder(t), 'x'.repeat(120))
  await t.rejects(openOn(t, dataDir), { name: 'Misconfigured', message: /is \d+ bytes too long/ })
})

t.test('what was fixed at the first start holds at every later one', async (t) => {
  const dataDir = folder(t)
  const first = await openOn(t, dataDir, { partitions: 4, pepperIds: ['a'] })
  t.equal(first.layout.partitions, 4)
  await first.close()
  await t.rejects(openOn(t, dataDir, { partitions: 5 }), {
    name: 'Misconfigured',
    message: /^PARTITIONS is 5, but the data in .* has 4, fixed at its first start$/,
  })
  const again = await openOn(t, dataDir)
  t.strictSame(again.layout, first.layout)
})

t.test('without a number of partitions there is one', async (t) => {
  t.equal((await openOn(t, folder(t))).layout.partitions, 1)
})

t.test('data opens only with a pepper that it was written under', async (t) => {
  const dataDir = folder(t)
  await (await openOn(t, dataDir, { pepperIds: ['a'] })).close()
  await t.rejects(openOn(t, dataDir, { pepperIds: ['b'] }), { name: 'Misconfigured', message: /KEY_PEPPER$/ })
  await (await openOn(t, dataDir, { pepperIds: ['b', 'a'] })).close()
  await (await openOn(t, dataDir, { pepperIds: ['b'] })).close()
})

t.test('the pepper is made once, and readable by its owner alone', async (t) => {
  const dataDir = folder(t)
  const peppers = await Promise.all(Array.from({ length: 8 }, () => pepperIn(dataDir)))
  t.equal(new Set(peppers).size, 1, 'also by many at once')
  t.match(peppers[0], /^[\w-]{43}$/)
  t.equal(await pepperIn(dataDir), peppers[0])
  t.equal(await modeOf(join(dataDir, 'pepper')), 0o600)
  t.equal(await modeOf(dataDir), 0o700)
  t.strictSame(await readdir(dataDir), ['pepper'], 'nothing else is left')
  t.notSame(await pepperIn(folder(t)), peppers[0])
})

t.test('a pepper that is too short is refused, and not replaced', async (t) => {
  const dataDir = folder(t)
  await mkdir(dataDir, { mode: 0o700 })
  await writeFile(join(dataDir, 'pepper'), 'short')
  await t.rejects(pepperIn(dataDir), { name: 'Misconfigured', message: /less than 32 characters/ })
  t.equal(await readFile(join(dataDir, 'pepper'), 'utf8'), 'short')
})
