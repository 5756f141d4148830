import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { freePort } from '../redis-server.js'
import { until } from '../until.js'

const ENTRY = fileURLToPath(new URL('entry.mjs', import.meta.url))

/** Where a handler can be made to stand still. */
export type StopPoint = 'before' | 'in' | 'after'

/**
 * One Keypost process under a supervisor, which starts it again whenever it ends, as systemd or Docker would;
 * on the same port every time.
 */
export class Supervised {
  #child: ChildProcess | null = null
  #held = false
  #listening = false
  #errors = ''
  readonly #cwd = mkdtempSync(join(tmpdir(), 'kp-faults-'))

  private constructor(
    readonly port: number,
    private readonly dist: string,
    private readonly command: 'serve' | 'process',
    private readonly env: Record<string, string>,
  ) {}

  /** Starts it, and waits until it listens; gone when the test ends. */
  static async start(
    t: Test,
    dist: string,
    command: 'serve' | 'process',
    env: Record<string, string>,
  ): Promise<Supervised> {
    const process = new Supervised(await freePort(), dist, command, env)
    t.teardown(() => process.#remove())
    process.release()
    await process.listening()
    return process
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** What it wrote to its standard error, from the last start on. */
  get errors(): string {
    return this.#errors
  }

  async listening(withinMs = 60_000): Promise<void> {
    await until(() => this.#listening, withinMs).catch(() => {
      throw new Error(`it does not listen: ${this.#errors}`)
    })
  }

  signal(signal: 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal)
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Resolves when it has ended, by itself or by a signal that it was sent. */
  async ended(): Promise<void> {
    if (this.#child !== null) await once(this.#child, 'exit')
  }

  /** From now on it stays down when it ends. */
  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    if (this.#child === null) this.#spawn()
  }

  /** The next handler that gets to this point stands still there; resolves when one does. */
  async stopsAt(point: StopPoint): Promise<void> {
    const child = this.#child
    if (child === null) throw new Error('it is down')
    child.send(point)
    await once(child, 'message', { signal: AbortSignal.timeout(10_000) })
  }

  #spawn(): void {
    this.#errors = ''
    const child = spawn(process.execPath, [ENTRY, this.command], {
      cwd: this.#cwd,
      env: { ...process.env, ...this.env, FAULTS_DIST: this.dist, PORT: String(this.port) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#child = child
    child.stdout?.on('data', (chunk) => {
      if (/^ +address /m.test(String(chunk))) this.#listening = true
    })
    child.stderr?.on('data', (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-4000)
    })
    child.on('exit', () => {
      const lived = this.#listening
      this.#child = null
      this.#listening = false
      // One that cannot start is not started in a loop.
      if (!this.#held) setTimeout(() => !this.#held && this.release(), lived ? 0 : 250)
    })
  }

  async #remove(): Promise<void> {
    this.hold()
    await this.kill()
    rmSync(this.#cwd, { recursive: true, force: true })
  }
}
