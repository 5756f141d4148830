import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { Misconfigured } from '../errors.js'
import { keys } from './keys.js'
import type { Store } from './store.js'

/**
 * LMDB lets several processes write to one folder; this engine must be the only one. Its process listens on a
 * socket in the folder, and the data names that socket.
 *
 * 1. A starter tries the sockets that it finds. If one answers, the folder is taken. It does not open the
 *    data before: a process that is stopped in the middle of a transaction would make it wait for ever.
 * 2. It listens on a socket of its own.
 * 3. It puts its name into the data, in place of exactly the name that it found there and that does not
 *    answer, in one transaction. So of several starters that came this far only one gets through.
 */
export interface Lock {
  /** The third step. @throws Misconfigured when another process was faster. */
  hold(store: Store): Promise<void>
  release(): Promise<void>
}

const PREFIX = 'lock-'

/** What Linux and macOS both take as the path of a socket, in bytes. */
const MAX_SOCKET_PATH = 103

/** The first two steps. @throws Misconfigured */
export async function lock(dataDir: string): Promise<Lock> {
  const name = `${PREFIX}${randomBytes(4).toString('hex')}`
  const path = socketPath(dataDir, name)
  const found = (await readdir(dataDir)).filter((name) => name.startsWith(PREFIX))
  for (const other of found) await refuseIfAlive(dataDir, other)
  const release = await listen(path)
  return {
    hold: async (store) => {
      await enter(store, dataDir, name)
      for (const dead of found) await rm(join(dataDir, dead), { force: true })
    },
    release,
  }
}

async function enter(store: Store, dataDir: string, name: string): Promise<void> {
  for (;;) {
    const holder = store.get(keys.holder)
    if (holder !== undefined) await refuseIfAlive(dataDir, holder)
    const entered = await store.transaction(() => {
      if (store.get(keys.holder) !== holder) return false
      store.put(keys.holder, name)
      return true
    })
    if (entered) return
  }
}

/** Whether a living process has the folder. */
export async function isHeld(dataDir: string): Promise<boolean> {
  const found = (await readdir(dataDir)).filter((name) => name.startsWith(PREFIX))
  const alive = await Promise.all(found.map((name) => answers(socketPath(dataDir, name))))
  return alive.includes(true)
}

async function refuseIfAlive(dataDir: string, name: string): Promise<void> {
  if (await answers(socketPath(dataDir, name)))
    throw new Misconfigured(`DATA_DIR ${dataDir} is in use by another process`)
}

/** The shorter way to write the path, since it may not be long. */
function socketPath(dataDir: string, name: string): string {
  const absolute = resolve(dataDir, name)
  const path =
    [absolute, relative(process.cwd(), absolute)].sort((a, b) => a.length - b.length)[0] ?? absolute
  const tooLong = Buffer.byteLength(path) - MAX_SOCKET_PATH
  if (tooLong > 0) throw new Misconfigured(`the path of DATA_DIR ${dataDir} is ${tooLong} bytes too long`)
  return path
}

async function listen(path: string): Promise<() => Promise<void>> {
  const server = createServer((socket) => socket.destroy())
  try {
    await once(server.listen(path), 'listening')
  } catch (error) {
    throw new Misconfigured(`DATA_DIR cannot be locked: ${(error as Error).message}`)
  }
  server.unref()
  return () => new Promise((closed) => server.close(() => closed()))
}

/** Whether a living process listens. One that is stopped or overwhelmed is alive too. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== 'ECONNREFUSED' && code !== 'ENOENT'
  } finally {
    socket.destroy()
  }
}
