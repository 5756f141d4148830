import type { Fleet, Lease, LeaseSwap, Processor } from '../engine.js'
import { PROCESSORS, partitionKeys } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const leaseScript = script('lease')
const announceScript = script('announce')

type Reply = [token: string, processor: string, beat: string] | [null, null, null]

/** Everything goes out together: one script a partition, so that a cluster may spread them. */
export async function lease(
  store: Store,
  partitions: number,
  me: Processor | null,
  swaps: LeaseSwap[],
): Promise<Fleet> {
  const [processors, ...leases] = await Promise.all([
    announce(store, me),
    ...Array.from({ length: partitions }, (_, partition) =>
      leaseOf(
        store,
        partition,
        swaps.find((swap) => swap.partition === partition),
      ),
    ),
  ])
  return { leases, processors }
}

async function announce(store: Store, me: Processor | null): Promise<Processor[]> {
  const stored =
    me === null
      ? (await store.call((redis) => redis.hvals(PROCESSORS))).map((value) =>
          value.slice(value.indexOf(' ') + 1),
        )
      : ((await store.run(announceScript, [PROCESSORS], [me.id, JSON.stringify(me)])) as string[])
  return stored.map((json) => JSON.parse(json) as Processor)
}

async function leaseOf(store: Store, partition: number, swap: LeaseSwap | undefined): Promise<Lease | null> {
  const args = swap === undefined ? [] : [...leaseArgs(swap.from), ...leaseArgs(swap.to)]
  const [token, processor, beat] = (await store.run(
    leaseScript,
    [partitionKeys(partition).lease],
    args,
  )) as Reply
  return token === null ? null : { partition, token, processor, beat: Number(beat) }
}

const leaseArgs = (lease: Lease | null): string[] =>
  lease === null ? ['', '', ''] : [lease.token, lease.processor, String(lease.beat)]
