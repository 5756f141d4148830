import { isDeepStrictEqual } from 'node:util'
import type { Fleet, Lease, LeaseSwap, Processor } from '../engine.js'

/**
 * Who processes which partition. Kept in memory: one process has the folder, and a new one starts with every
 * lease free.
 */
export class Leases {
  readonly #leases: (Lease | null)[]
  readonly #processors = new Map<string, Processor>()

  constructor(partitions: number) {
    this.#leases = Array(partitions).fill(null)
  }

  holds(partition: number, token: string): boolean {
    return this.#leases[partition]?.token === token
  }

  swap(me: Processor | null, swaps: LeaseSwap[]): Fleet {
    if (me !== null) this.#processors.set(me.id, structuredClone(me))
    for (const { partition, from, to } of swaps)
      if (isDeepStrictEqual(this.#leases[partition], from)) this.#leases[partition] = structuredClone(to)
    return structuredClone({ leases: this.#leases, processors: [...this.#processors.values()] })
  }
}
