import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { folder, until } from './helper.js'

/** As it is installed: `npm test` builds it first. */
const MAIN = fileURLToPath(new URL('../dist/src/main.js', import.meta.url))

export interface Process {
  child: ChildProcess
  out: () => string
  err: () => string
  /** The exit code; for a signal, its name. */
  exit: Promise<number | string>
}

/** Runs Keypost as a process of its own, away from any `.env`. */
export async function run(t: Test, args: string[], env: Record<string, string> = {}): Promise<Process> {
  const cwd = await folder(t)
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN, ...args], {
    cwd,
    env: { ...process.env, PORT: '0', DATA_DIR: `${cwd}/data`, ...env },
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const exit = new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? String(signal)))
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return { child, out: () => out, err: () => err, exit }
}

/** Where it listens, once it does. */
export const addressOf = ({ out }: Process) => until(() => /^ +address +(http:\S+)$/m.exec(out())?.[1])
