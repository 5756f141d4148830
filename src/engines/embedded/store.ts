import { join } from 'node:path'
import { open, type RangeOptions } from 'lmdb'
import { Misconfigured, Unavailable } from '../errors.js'
import { DATA_FILE } from './folder.js'

/** The data file: ordered bytes to text. Reads see what was committed, or, inside a transaction, written. */
export interface Store {
  get(key: Buffer): string | undefined
  has(key: Buffer): boolean
  range(options: RangeOptions): Iterable<{ key: Buffer; value: string }>
  keys(options: RangeOptions): Iterable<Buffer>
  put(key: Buffer, value: string): void
  remove(key: Buffer): void
  /**
   * Runs `work` alone; what it wrote is on the disk when this resolves, and gone if it throws.
   * @throws Unavailable when the disk refuses, or what `work` throws
   */
  transaction<T>(work: () => T): Promise<T>
  close(): Promise<void>
}

/** What LMDB rejects with when it could not write: the reason comes in a promise of its own. */
interface CommitError extends Error {
  commitError?: Promise<never>
}

export function openStore(dataDir: string, { readOnly = false } = {}): Store {
  const db = (() => {
    try {
      return open<string, Buffer>({
        path: join(dataDir, DATA_FILE),
        encoding: 'string',
        keyEncoding: 'binary',
        cache: false,
        readOnly,
        // What it adds to each transaction is a promise that nobody can handle when the disk refuses.
        eventTurnBatching: false,
      })
    } catch (error) {
      throw new Misconfigured(`DATA_DIR ${dataDir} cannot be opened: ${(error as Error).message}`)
    }
  })()
  // Readers of a process that was killed would keep old pages from being used again.
  db.readerCheck()
  let refused = false
  return {
    get: (key) => db.get(key),
    has: (key) => db.doesExist(key),
    range: (options) => db.getRange(options),
    keys: (options) => db.getKeys(options),
    put: (key, value) => {
      db.put(key, value)
    },
    remove: (key) => {
      db.remove(key)
    },
    // Only a child transaction takes back what a callback wrote before it threw.
    transaction: (work) =>
      db.childTransaction(work).catch(async (error: CommitError) => {
        if (error.commitError === undefined) throw error
        refused = true
        const reason = await error.commitError.catch((reason: Error) => reason)
        throw new Unavailable(`the data file could not be written: ${reason.message}`)
      }),
    close: async () => {
      // It would wait for ever for what the disk refused.
      if (!refused) await db.close()
    },
  }
}
