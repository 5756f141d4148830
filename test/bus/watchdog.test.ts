import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const staller = fileURLToPath(new URL('staller.ts', import.meta.url))

/** How a process ends whose event loop stalls. */
async function endOf(t: Test, execArgv: string[]): Promise<unknown[]> {
  const child = fork(staller, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  child.send('stall')
  return once(child, 'exit')
}

t.test('a process that stands still is ended', async (t) => {
  t.strictSame(await endOf(t, process.execArgv), [null, 'SIGKILL'])
})

t.test('one that a debugger may have stopped is not', async (t) => {
  t.strictSame(await endOf(t, [...process.execArgv, '--inspect=127.0.0.1:0']), [0, null])
})
