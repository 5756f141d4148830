import { Redis } from 'ioredis'
import { META, partitionKeys } from '../../src/engines/redis/keys.js'
import { asAdmin } from '../redis-server.js'
import type { RawResult } from './raw.js'

/** A time, in milliseconds of the clock of Redis, from which to which one lease was surely held. */
interface Tenure {
  token: string
  processor: string
  from: number
  to: number
}

/** What is seen of leases from outside. Two looks that find one token prove that nobody else held it between. */
export class Tenures {
  readonly #redis: Redis
  readonly #partitions = new Map<number, Tenure[]>()
  #ended = false
  readonly #loop: Promise<void>

  constructor(port: number) {
    this.#redis = new Redis({ ...asAdmin(port), maxRetriesPerRequest: 0, commandTimeout: 2000 })
    this.#redis.on('error', () => {}) // it is killed on purpose
    this.#loop = this.#watch()
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#loop
    this.#redis.disconnect()
  }

  /** How many processors have the leases, as they were seen last; 0: one is free. */
  get holders(): number {
    const holders = new Set([...this.#partitions.values()].map((tenures) => tenures.at(-1)?.processor))
    return holders.has('') ? 0 : holders.size
  }

  /** Who held the partition when this was settled, if that is certain and it was another. */
  trespassed({ partition, position, processor }: RawResult): string | null {
    const at = Number.parseInt(position, 10)
    const tenure = this.#partitions.get(partition)?.find(({ from, to }) => from < at && at < to)
    return tenure === undefined || tenure.token === '' || tenure.processor === processor
      ? null
      : tenure.processor
  }

  async #watch(): Promise<void> {
    while (!this.#ended) {
      await this.#look().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async #look(): Promise<void> {
    const partitions = Number(await this.#redis.hget(META, 'partitions'))
    const looks = this.#redis.multi().time()
    for (let partition = 0; partition < partitions; partition++)
      looks.hmget(partitionKeys(partition).lease, 'token', 'processor')
    const replies = ((await looks.exec()) ?? []).map(([, reply]) => reply)
    const [time, ...leases] = replies as [string[], ...(string | null)[][]]
    const now = Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000)
    for (const [partition, [token, processor]] of leases.entries())
      this.#see(partition, token ?? '', processor ?? '', now)
  }

  /** An empty token: the lease is free. */
  #see(partition: number, token: string, processor: string, now: number): void {
    const tenures = this.#partitions.get(partition) ?? []
    this.#partitions.set(partition, tenures)
    const last = tenures.at(-1)
    if (last?.token === token) last.to = now
    else tenures.push({ token, processor, from: now, to: now })
  }
}
