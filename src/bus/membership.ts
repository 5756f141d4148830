import { randomUUID } from 'node:crypto'
import type { Fleet, Lease, LeaseSwap } from '../engines/engine.js'

interface Seen {
  /** What was seen; a change of it is a sign of life. */
  mark: string
  /** By this process's monotonic clock: when it was first seen like this, in milliseconds. */
  since: number
}

/**
 * Which partitions a processor should hold: decided by each for itself, from what all of them can see, by its
 * own monotonic clock. No clock is ever compared with another's, and nothing rests on clocks for safety: that
 * is what the lease's token is for.
 *
 * - A processor whose announcement did not change for a lease time is dead; so is a lease that did not.
 * - Fair share: partitions by living processors, rounded up.
 * - A dead lease is taken at once. A free one is taken up to the fair share, or above it once it was free for
 *   a lease time, since then nobody else wants it.
 * - What is held above the fair share is given back, once drained.
 */
export class Membership {
  readonly #processors = new Map<string, Seen>()
  readonly #leases = new Map<number, Seen & { lease: Lease | null }>()
  /** The token of each acquisition that was tried: an answer that was lost is recognised by it later. */
  readonly #tokens = new Map<number, string>()

  constructor(
    private readonly id: string,
    private readonly leaseMs: number,
  ) {}

  observe({ leases, processors }: Fleet, now: number): void {
    const present = processors.filter(({ beat }) => beat > 0)
    for (const { id, beat } of present) see(this.#processors, id, String(beat), now)
    const ids = new Set(present.map(({ id }) => id))
    for (const id of this.#processors.keys()) if (!ids.has(id)) this.#processors.delete(id)
    for (const [partition, lease] of leases.entries()) {
      const mark = lease === null ? '' : `${lease.token} ${lease.beat}`
      const { since } = see(this.#leases, partition, mark, now)
      this.#leases.set(partition, { mark, since, lease })
    }
  }

  /** The partitions held, with the token of each. */
  held(): Map<number, string> {
    const held = new Map<number, string>()
    for (const [partition, { lease }] of this.#leases) {
      if (lease !== null && lease.token === this.#tokens.get(partition)) held.set(partition, lease.token)
    }
    return held
  }

  /** The other processors that gave a sign of life within a lease time. */
  others(now: number): string[] {
    return [...this.#processors].flatMap(([id, { since }]) =>
      id !== this.id && now - since < this.leaseMs ? [id] : [],
    )
  }

  /** Whether nobody holds the partition. */
  isFree(partition: number): boolean {
    return this.#leases.get(partition)?.lease === null
  }

  /** How many of the partitions held should be given back. */
  surplus(now: number): number {
    return Math.max(0, this.held().size - this.#share(now))
  }

  /** Renews what is held, gives back `drained`, and takes what is due to this processor. */
  plan(now: number, drained: ReadonlySet<number>): LeaseSwap[] {
    const held = this.held()
    const swaps: LeaseSwap[] = []
    let room = this.#share(now) - held.size
    for (const [partition, { lease, since }] of this.#leases) {
      const quiet = now - since >= this.leaseMs
      if (lease !== null && held.has(partition)) {
        const to = drained.has(partition) ? null : { ...lease, beat: lease.beat + 1 }
        swaps.push({ partition, from: lease, to })
      } else if (quiet || (lease === null && room > 0)) {
        room--
        swaps.push({ partition, from: lease, to: this.#acquisition(partition) })
      }
    }
    return swaps
  }

  #acquisition(partition: number): Lease {
    const token = randomUUID()
    this.#tokens.set(partition, token)
    return { partition, token, processor: this.id, beat: 1 }
  }

  #share(now: number): number {
    return Math.ceil(this.#leases.size / (this.others(now).length + 1))
  }
}

/** Remembers since when something looks the way it does. */
function see(memory: Map<unknown, Seen>, key: unknown, mark: string, now: number): Seen {
  const before = memory.get(key)
  const seen = before?.mark === mark ? before : { mark, since: now }
  memory.set(key, seen)
  return seen
}
