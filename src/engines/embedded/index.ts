import { type Engine, type Layout, type News, RESULTS_TOPIC } from '../engine.js'
import { list, type Source } from '../listing.js'
import { UNKNOWN_PEPPER } from '../peppers.js'
import { Batcher } from './batcher.js'
import { pruneClaims } from './claims.js'
import { Clock } from './clock.js'
import { commit, swap } from './commit.js'
import type { Context } from './context.js'
import { allCounters } from './counters.js'
import { privateFolder } from './folder.js'
import { openLayout } from './layout.js'
import { Leases } from './leases.js'
import { type Lock, lock } from './lock.js'
import { claim, get, scan, stats } from './read.js'
import { reopen } from './reopen.js'
import { settle } from './settle.js'
import { openStore, type Store } from './store.js'
import { Sweeper } from './sweep.js'

/**
 * The engine inside the process: one LMDB file in a folder that one process at a time has.
 * @param options.partitions undefined takes what the data has, or one
 * @param options.onFatal the disk refused a write; the engine answers `Unavailable` from then on
 * @throws Misconfigured
 */
export async function openEmbedded(options: {
  dataDir: string
  partitions: number | undefined
  pepperIds: string[]
  onFatal: (error: Error) => void
  onWarning?: (warning: { code: 'unknown_pepper'; message: string }) => void
}): Promise<Engine> {
  const onUnknownPepper = () => options.onWarning?.({ code: 'unknown_pepper', message: UNKNOWN_PEPPER })
  await privateFolder(options.dataDir)
  const held = await lock(options.dataDir)
  let store: Store | null = null
  try {
    store = openStore(options.dataDir)
    await held.hold(store)
    return engineOn(store, held, await openLayout(store, options, onUnknownPepper), options.onFatal)
  } catch (error) {
    await store?.close()
    await held.release()
    throw error
  }
}

function engineOn(store: Store, held: Lock, layout: Layout, onFatal: (error: Error) => void): Engine {
  const { partitions } = layout
  const batcher = new Batcher(store, () => pruneClaims(store), onFatal)
  const leases = new Leases(partitions)
  const watchers = new Set<(partition: number, what: News) => void>()
  const context: Context = {
    store,
    partitions,
    batcher,
    clock: new Clock(store, partitions),
    leases,
    wake: (partition, what) => {
      for (const watcher of watchers) watcher(partition, what)
    },
  }
  const sweeper = new Sweeper(context)
  const source: Source = {
    partitions,
    scan: (ranges) => reading(() => ranges.map((range) => scan(context, range))),
    topics: async () =>
      Object.keys(allCounters(store, partitions)).filter((topic) => topic !== RESULTS_TOPIC),
  }
  /** Nothing is read of an engine that is closed or has failed. */
  async function reading<T>(read: () => T): Promise<T> {
    batcher.check()
    return read()
  }

  return {
    name: 'embedded',
    features: { shared: false },
    layout,
    commit: (change) => commit(context, change),
    swap: (placement, claim) => swap(context, placement, claim),
    lease: (me, swaps) => reading(() => leases.swap(me, swaps)),
    claim: (partition, after, limit, putOffMs) =>
      reading(() => claim(context, partition, after, limit, putOffMs)),
    settle: (partition, token, settlements) => settle(context, partition, token, settlements),
    reopen: (reopening) => reopen(context, reopening),
    sweep: (partition, retention) => sweeper.sweep(partition, retention),
    get: (kind, id) => reading(() => get(context, kind, id)),
    list: (kind, query) => list(source, kind, query),
    watch: (wake) => {
      watchers.add(wake)
      return () => watchers.delete(wake)
    },
    stats: () => reading(() => stats(context)),
    close: async () => {
      await batcher.close()
      await store.close()
      await held.release()
    },
  }
}
