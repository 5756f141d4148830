import type { Redis } from 'ioredis'
import { Unavailable } from '../errors.js'
import type { RedisConnections } from './connections.js'
import { fault } from './faults.js'
import type { Script } from './scripts.js'

/** How the parts of this engine reach Redis: every failure comes out as one of the port's errors. */
export class Store {
  readonly #inHand = new Set<Promise<unknown>>()
  #closed = false

  constructor(readonly connections: RedisConnections) {}

  /** @throws Unavailable */
  async call<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Unavailable('the engine is closed')
    const { commands, isAway, problem } = this.connections
    if (isAway()) throw new Unavailable(`Redis cannot be reached: ${problem()}`)
    const reply = command(commands)
    this.#inHand.add(reply)
    try {
      return await reply
    } catch (error) {
      throw fault(error)
    } finally {
      this.#inHand.delete(reply)
    }
  }

  /** Runs a script by its hash, and by its text where Redis does not know it yet. */
  run(script: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
    return this.call(async (redis) => {
      try {
        return await redis.evalsha(script.sha, keys.length, ...keys, ...args)
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
        return redis.eval(script.lua, keys.length, ...keys, ...args)
      }
    })
  }

  /** Takes no more calls, waits for those in hand, and closes the connections. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#inHand)
    this.connections.close()
  }
}
