import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { Misconfigured } from '../errors.js'
import { keys } from './keys.js'
import type { Store } from './store.js'

/**
 * LMDB lets several processes write to one folder; this engine must be the only one. Its process listens on a
 * socket in the folder, and the data names that socket. A starter that finds a name tries the socket: if
 * somebody answers, the folder is taken; if not, that process is gone. The starter then puts its own name in
 * place of exactly the one that it tried, in one transaction, so of two starters only one gets through.
 */
export interface Lock {
  release(): Promise<void>
}

/** What Linux and macOS both take as the path of a socket, in bytes. */
const MAX_SOCKET_PATH = 103

export async function lock(store: Store, dataDir: string): Promise<Lock> {
  const name = `lock-${randomBytes(4).toString('hex')}`
  const release = await listen(socketPath(dataDir, name))
  try {
    for (;;) {
      const holder = store.get(keys.holder)
      if (holder !== undefined && (await answers(socketPath(dataDir, holder))))
        throw new Misconfigured(`DATA_DIR ${dataDir} is in use by another process`)
      const taken = await store.transaction(() => {
        if (store.get(keys.holder) !== holder) return false
        store.put(keys.holder, name)
        return true
      })
      if (!taken) continue
      if (holder !== undefined) await rm(join(dataDir, holder), { force: true })
      return { release }
    }
  } catch (error) {
    await release()
    throw error
  }
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
