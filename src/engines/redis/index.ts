import { placementOf } from '../../domain/ids.js'
import type { Engine } from '../engine.js'
import { list } from '../listing.js'
import { UNKNOWN_PEPPER } from '../peppers.js'
import type { BootOptions } from './boot.js'
import { claim } from './claim.js'
import { commit, swap } from './commit.js'
import type { RedisConnections } from './connections.js'
import { DurabilityWatch, type Warning } from './durability.js'
import { Gate } from './gate.js'
import { lease } from './lease.js'
import { get, source } from './read.js'
import { reopen } from './reopen.js'
import { settle } from './settle.js'
import { stats } from './stats.js'
import { Store } from './store.js'
import { Sweeper } from './sweep.js'
import { watcher } from './watch.js'

export interface RedisOptions extends Omit<BootOptions, 'onLost' | 'onUnknownPepper'> {
  connections: RedisConnections
  /** Told of a `Misconfigured` that shows only after the start: nothing must go on then. */
  onFatal: (error: Error) => void
  /** Told of how Redis keeps data, at the start and whenever that changes. */
  onWarning?: (warning: Warning) => void
}

/**
 * Redis need not be reachable: until it is, and has passed the checks of the first boot, every method throws
 * `Unavailable`.
 * @throws Misconfigured when it is reachable and does not pass them
 */
export async function openRedis({
  connections,
  onFatal,
  onWarning = () => {},
  ...options
}: RedisOptions): Promise<Engine> {
  const store = new Store(connections)
  const onLost = () =>
    onWarning({ code: 'data_lost', message: 'Redis has lost its data: only later writes are kept' })
  const durability = new DurabilityWatch(store, onWarning)
  const onUnknownPepper = () => onWarning({ code: 'unknown_pepper', message: UNKNOWN_PEPPER })
  const gate = new Gate(store, { ...options, onLost, onUnknownPepper }, onFatal, () => durability.look())
  try {
    await gate.firstAnswer()
  } catch (error) {
    durability.close()
    await store.close()
    throw error
  }
  const sweeper = new Sweeper(store)
  const partitionOf = (placement: number) => placement % gate.layout.partitions

  return {
    name: 'redis',
    features: { shared: true },
    get layout() {
      return gate.layout
    },
    commit: async (change) => commit(store, partitionOf(change.placement), change),
    swap: async (placement, claim) => swap(store, partitionOf(placement), claim),
    lease: async (me, swaps) => {
      const [fleet] = await Promise.all([lease(store, gate.layout.partitions, me, swaps), gate.keepLayout()])
      return fleet
    },
    claim: async (partition, after, limit, putOffMs) =>
      claim(store, partitionOf(partition), after, limit, putOffMs),
    settle: async (partition, token, settlements) =>
      settle(store, partitionOf(partition), token, settlements),
    reopen: async (reopening) => reopen(store, partitionOf(placementOf(reopening.trace.event.id)), reopening),
    sweep: async (partition, retention) => sweeper.sweep(partitionOf(partition), retention),
    get: async (kind, id) => get(store, partitionOf(placementOf(id)), kind, id),
    list: async (kind, query) => list(source(store, gate.layout.partitions), kind, query),
    watch: watcher(connections.subscriptions, () => gate.partitions),
    stats: async () => stats(store, gate.layout.partitions),
    close: () => {
      gate.close()
      durability.close()
      return store.close()
    },
  }
}
