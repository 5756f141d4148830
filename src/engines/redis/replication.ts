import { setImmediate as turn } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { Unavailable } from '../errors.js'
import { fault } from './faults.js'
import { REPLICATED } from './keys.js'
import { script } from './scripts.js'

/** Replicas answer within milliseconds; one that does not for so long is away. */
const WAIT_MS = 1000

const marker = script('replicated')

type Command = (redis: Redis) => Promise<unknown>

interface Entry {
  command: Command
  resolve: (reply: unknown) => void
  reject: (reason: unknown) => void
}

/**
 * Writes that are acknowledged only once enough replicas have them.
 *
 * They go out in batches, over a connection of their own since WAIT holds up what comes behind it. A batch ends
 * with a marker, which is a write of no meaning, and WAIT: replication is one stream, so a replica that has the
 * marker has all that came before it, also what a script found done already by an earlier sending.
 *
 * WAIT speaks of its own connection alone, and the client sends again what a broken connection left unanswered.
 * So a batch in whose time the connection was lost is not acknowledged whatever WAIT answered: it may have come
 * from another server, to which the writes never went.
 */
export class ReplicatedWrites {
  #waiting: Entry[] = []
  #running = false
  #connection = 0
  #batch = 0

  constructor(
    private readonly redis: Redis,
    private readonly replicas: number,
  ) {
    redis.on('close', () => {
      this.#connection++
    })
  }

  /** @throws Unavailable when too few replicas have the write in time; it may come to be there all the same */
  write(command: Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ command, resolve, reject })
      if (!this.#running) this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0) {
      await turn() // what one turn of the event loop asks for goes out together
      await this.#send(this.#waiting.splice(0))
    }
    this.#running = false
  }

  async #send(batch: Entry[]): Promise<void> {
    const connection = this.#connection
    const replies = batch.map(({ command }) => command(this.redis))
    const acknowledgement = Promise.all([
      this.redis.eval(marker.lua, 1, REPLICATED, ++this.#batch),
      this.redis.wait(this.replicas, WAIT_MS),
    ])
    const [acknowledged, ...outcomes] = await Promise.allSettled([acknowledgement, ...replies])
    const missing = connection === this.#connection ? this.#missing(acknowledged) : lost()
    for (const [i, { resolve, reject }] of batch.entries()) {
      const outcome = outcomes[i]
      if (outcome?.status !== 'fulfilled') reject(outcome?.reason)
      else if (missing !== null) reject(missing)
      else resolve(outcome.value)
    }
  }

  /** What keeps a batch from being acknowledged; null: nothing. */
  #missing(acknowledged: PromiseSettledResult<[unknown, number]>): Error | null {
    if (acknowledged.status === 'rejected') return fault(acknowledged.reason)
    const [, replicas] = acknowledged.value
    if (replicas >= this.replicas) return null
    return new Unavailable(`${replicas} of ${this.replicas} replicas have the write`)
  }
}

const lost = () => new Unavailable('the connection to Redis was lost while replicas were waited for')
