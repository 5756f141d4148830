import type { Redis } from 'ioredis'
import { Unavailable } from '../errors.js'
import type { RedisConnections } from './connections.js'
import { fault } from './faults.js'
import { ReplicatedWrites } from './replication.js'
import type { Script } from './scripts.js'

/** How the parts of this engine reach Redis: every failure comes out as one of the port's errors. */
export class Store {
  readonly #inHand = new Set<Promise<unknown>>()
  #closed = false

  readonly #replicated: ReplicatedWrites | null

  constructor(readonly connections: RedisConnections) {
    const { writes, waitReplicas } = connections
    this.#replicated = writes && new ReplicatedWrites(writes, waitReplicas)
  }

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

  /**
   * Runs a script.
   * @throws Unavailable
   */
  run(script: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
    return this.call((redis) => evaluate((command) => command(redis), script, keys, args))
  }

  /**
   * Runs a script whose writes are to last: it has ended once as many replicas have them as are waited for.
   * @throws Unavailable
   */
  write(script: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
    const replicated = this.#replicated
    if (replicated === null) return this.run(script, keys, args)
    return this.call(() => evaluate((command) => replicated.write(command), script, keys, args))
  }

  /** Takes no more calls, waits for those in hand, and closes the connections. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#inHand)
    this.connections.close()
  }
}

type Send = (command: (redis: Redis) => Promise<unknown>) => Promise<unknown>

/** Sends a script's hash, and its text where Redis does not know it yet. */
async function evaluate(
  send: Send,
  { sha, lua }: Script,
  keys: string[],
  args: (string | number)[],
): Promise<unknown> {
  try {
    return await send((redis) => redis.evalsha(sha, keys.length, ...keys, ...args))
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return send((redis) => redis.eval(lua, keys.length, ...keys, ...args))
  }
}
