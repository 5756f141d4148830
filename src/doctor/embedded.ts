import { existsSync } from 'node:fs'
import { readFile, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.js'
import { audit } from '../engines/embedded/audit.js'
import { DATA_FILE, PEPPER_FILE } from '../engines/embedded/folder.js'
import { keys } from '../engines/embedded/keys.js'
import { LAYOUT_VERSION } from '../engines/embedded/layout.js'
import { isHeld } from '../engines/embedded/lock.js'
import { stats } from '../engines/embedded/read.js'
import { openStore } from '../engines/embedded/store.js'
import { type Check, failed, mebibytes, ok, warning } from './check.js'
import { checkOldest } from './fleet.js'
import { checkLayout, type StoredLayout } from './layout.js'
import { checkRecount, type PartitionVerdict } from './recount.js'

/** Looks at the data file, without writing to it; another process may have it open. */
export async function* examineEmbedded(config: Config): AsyncGenerator<Check> {
  const { DATA_DIR: dataDir } = config
  if (!existsSync(join(dataDir, DATA_FILE))) {
    yield failed('engine', `embedded: there is no data in ${dataDir}`, 'see DATA_DIR, or start Keypost once')
    return
  }
  const store = openStore(dataDir, { readOnly: true })
  try {
    yield ok('engine', `embedded, in ${dataDir}`)
    yield ok('persistence', 'every answer waits for the disk: a crash loses nothing acknowledged')
    yield await disk(dataDir)
    yield (await isHeld(dataDir))
      ? ok('processors', 'a process has the folder')
      : warning('processors', 'no process has the folder', 'run `keypost serve`')
    const text = store.get(keys.layout)
    if (text === undefined) {
      yield failed('layout', 'the data file says nothing of it', 'start Keypost once')
      return
    }
    const found: StoredLayout = JSON.parse(text)
    yield* checkLayout(found, { ...config, peppers: await peppersOf(config) }, LAYOUT_VERSION)
    // Of another layout, the rest would be misread.
    if (found.version !== LAYOUT_VERSION) return
    const { partitions } = found
    const { topics, oldestUnfinishedAt } = stats({ store, partitions })
    yield checkOldest(oldestUnfinishedAt, config, Date.now())
    const verdicts = new Map<number, PartitionVerdict>()
    for (let partition = 0; partition < partitions; partition++)
      verdicts.set(partition, audit(store, partition, partitions))
    yield* checkRecount(topics, verdicts)
  } finally {
    await store.close()
  }
}

/** The configured ones, or the one that is kept in the folder. */
async function peppersOf({ peppers, DATA_DIR }: Config): Promise<string[]> {
  if (peppers.length > 0) return peppers
  const kept = await readFile(join(DATA_DIR, PEPPER_FILE), 'utf8').catch(() => null)
  return kept === null ? [] : [kept.trim()]
}

/** Below it, a burst of writes may fill the disk; then writes are refused and the process ends. */
const ROOM = 2 ** 30

async function disk(dataDir: string): Promise<Check> {
  const [{ size }, { bavail, bsize }] = await Promise.all([stat(join(dataDir, DATA_FILE)), statfs(dataDir)])
  const free = bavail * bsize
  const detail = `${mebibytes(free)} MiB free, the data file has ${mebibytes(size)} MiB`
  return free >= Math.max(ROOM, size)
    ? ok('disk', detail)
    : warning('disk', detail, 'make room: as much as the file, for a copy of it, and at least 1 GiB')
}
