import { Redis } from 'ioredis'
import { META, PROCESSORS, partitionKeys } from '../../src/engines/redis/keys.js'
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
  /** From a processor's id to the id of its process. */
  readonly #pids = new Map<string, number>()
  #ended = false
  readonly #loop: Promise<void>

  constructor(port: number) {
    this.#redis = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: 0, commandTimeout: 2000 })
    this.#redis.on('error', () => {}) // it is killed on purpose
    this.#loop = this.#watch()
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#loop
    this.#redis.disconnect()
  }

  /** Who held the partition when this was settled, if that is certain and it was another. */
  trespassed({ partition, position, pid }: RawResult): string | null {
    const at = Number.parseInt(position, 10)
    const tenure = this.#partitions.get(partition)?.find(({ from, to }) => from < at && at < to)
    const holder = tenure && this.#pids.get(tenure.processor)
    return pid === undefined || holder === undefined || holder === pid ? null : String(holder)
  }

  async #watch(): Promise<void> {
    while (!this.#ended) {
      await this.#look().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async #look(): Promise<void> {
    const partitions = Number(await this.#redis.hget(META, 'partitions'))
    const looks = this.#redis.multi().time().hvals(PROCESSORS)
    for (let partition = 0; partition < partitions; partition++)
      looks.hmget(partitionKeys(partition).lease, 'token', 'processor')
    const replies = ((await looks.exec()) ?? []).map(([, reply]) => reply)
    const [time, processors, ...leases] = replies as [string[], string[], ...(string | null)[][]]
    const now = Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000)
    for (const processor of processors) this.#introduce(processor)
    for (const [partition, [token, processor]] of leases.entries())
      if (token && processor) this.#see(partition, token, processor, now)
  }

  /** `<seconds> <json>`, as lua/announce.lua writes it; among its handlers is one that names its process. */
  #introduce(announced: string): void {
    const { id, handlers }: { id: string; handlers: string[] } = JSON.parse(
      announced.slice(announced.indexOf(' ')),
    )
    const pid = handlers.find((name) => name.startsWith('pid/'))?.slice('pid/'.length)
    if (pid !== undefined) this.#pids.set(id, Number(pid))
  }

  #see(partition: number, token: string, processor: string, now: number): void {
    const tenures = this.#partitions.get(partition) ?? []
    this.#partitions.set(partition, tenures)
    const last = tenures.at(-1)
    if (last?.token === token) last.to = now
    else tenures.push({ token, processor, from: now, to: now })
  }
}
