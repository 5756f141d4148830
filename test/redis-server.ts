import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import type { Test } from 'tap'
import { usersFile } from '../src/engines/redis/users.js'

const HOW = 'install it (Debian: apt-get install redis-server; macOS: brew install redis), 7.0 or later'
const installed = spawnSync('redis-server', ['--version']).status === 0

/**
 * Whether this machine can run the tests that need Redis. Where it cannot, they are left out with one line
 * that says so, or fail when REQUIRE_REDIS=1.
 */
export function redisInstalled(t: Test): boolean {
  if (installed) return true
  if (process.env.REQUIRE_REDIS === '1') t.fail(`redis-server is not on the PATH: ${HOW}`)
  else {
    console.error(`NOT TESTED ON REDIS: redis-server is not on the PATH: ${HOW}`)
    t.plan(0, 'redis-server is not on the PATH')
  }
  return false
}

/** The users of examples/redis/users.acl, with these passwords: what Keypost gets may do no more than it needs. */
const passwords = { admin: 'admin-of-tests', keypost: 'keypost-of-tests', listener: 'listener-of-tests' }
type User = keyof typeof passwords

const usersOfTests = (): string =>
  usersFile().replace(/SHA256_OF_THE_PASSWORD_OF_(\w+)/g, (_, name: string) =>
    createHash('sha256')
      .update(passwords[name.toLowerCase() as User])
      .digest('hex'),
  )

/** What `user` connects to a server, or to a proxy before it, with. */
export const redisUrl = (port: number, user: User = 'keypost', password = passwords[user]): string =>
  `redis://${user}:${password}@127.0.0.1:${port}`

/** For clients of the test's own, who look at what Keypost may not, and tamper with it. */
export const asAdmin = (port: number): RedisOptions => ({
  port,
  host: '127.0.0.1',
  username: 'admin',
  password: passwords.admin,
})

export interface RedisServer {
  readonly port: number
  /** For Keypost. */
  readonly url: string
  /** A client of the test's own, which may do anything. */
  readonly client: Redis
  /** kill -9 */
  kill(): Promise<void>
  /** SIGSTOP and SIGCONT: it does nothing, and goes on. */
  pause(): void
  resume(): void
  /** Starts it again on the same port and the same data. */
  start(): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A redis-server of the test's own, in a folder of its own; gone when the test ends. `args` as on its command line. */
export async function redisServer(
  t: Test,
  { args = [] as string[], started = true, env = {} as NodeJS.ProcessEnv } = {},
): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), 'kp-redis-'))
  const port = await freePort()
  const users = join(dir, 'users.acl')
  writeFileSync(users, usersOfTests())
  const client = new Redis({ ...asAdmin(port), lazyConnect: true, maxRetriesPerRequest: null })
  client.on('error', () => {}) // it is killed on purpose
  let child: ChildProcess | undefined

  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const start = async () => {
    child = spawn(
      'redis-server',
      [
        '--port',
        `${port}`,
        '--bind',
        '127.0.0.1',
        '--dir',
        dir,
        '--save',
        '',
        '--appendonly',
        'yes',
        '--aclfile',
        users,
        '--masteruser',
        'admin',
        '--masterauth',
        passwords.admin,
        ...args,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } },
    )
    const output = child.stdout
    if (output === null) throw new Error('redis-server has no output')
    for await (const line of output.iterator({ destroyOnReturn: false }))
      if (String(line).includes('Ready to accept connections')) {
        output.resume()
        return
      }
    throw new Error('redis-server did not start')
  }

  t.teardown(async () => {
    client.disconnect()
    await kill()
    rmSync(dir, { recursive: true, force: true })
  })
  if (started) await start()
  return {
    port,
    url: redisUrl(port),
    client,
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    start,
  }
}
