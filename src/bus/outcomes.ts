import { type Engine, RESULTS_TOPIC } from '../engines/engine.js'
import { Unavailable } from '../engines/errors.js'
import type { Result } from '../schemas/result.js'
import { endOf, read } from './follow.js'
import { type Log, why } from './settings.js'

/** Each keeps a connection and a timer, so that a service that handles nothing is not filled by those who wait. */
export const MAX_WAITING = 1000

type Tell = (result: Result | null) => void

interface Follower {
  /** Every result from then on will be told of. */
  ready: Promise<void>
  stop(): void
}

/**
 * Waits for the results of events, whichever process handles them. While anybody waits, one follower of
 * `processing_results` tells all of them; a result that was there before it began to follow is found by one look
 * at the result itself, once it follows.
 */
export class Outcomes {
  readonly #waiting = new Map<string, Set<Tell>>()
  #count = 0
  #follower: Follower | null = null
  #closed = false

  constructor(
    private readonly engine: Engine,
    private readonly log: Pick<Log, 'error'>,
    private readonly maxWaiting = MAX_WAITING,
  ) {}

  /** How many wait. */
  get waiting(): number {
    return this.#count
  }

  /**
   * The result of an event once there is one; null: there was none within `ms`, or nobody can wait for it: too many
   * do already, the engine is out of reach, this is closed, or somebody aborted. Never rejects.
   */
  async of(eventId: string, ms: number, signal: AbortSignal): Promise<Result | null> {
    if (ms === 0) return this.#stored(eventId)
    if (this.#closed || signal.aborted || this.#count >= this.maxWaiting) return null
    return new Promise((resolve) => {
      const tell: Tell = (result) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
        this.#leave(eventId, tell)
        resolve(result)
      }
      const giveUp = () => tell(null)
      const timer = setTimeout(giveUp, ms)
      signal.addEventListener('abort', giveUp)
      this.#enter(eventId, tell).ready.then(
        async () => {
          const found = await this.#stored(eventId)
          if (found !== null) tell(found)
        },
        () => {}, // the follower's end is everybody's
      )
    })
  }

  /** Nobody waits any more, nor will. */
  close(): void {
    this.#closed = true
    this.#tellAll()
  }

  #enter(eventId: string, tell: Tell): Follower {
    const others = this.#waiting.get(eventId)
    if (others === undefined) this.#waiting.set(eventId, new Set([tell]))
    else others.add(tell)
    this.#count++
    this.#follower ??= this.#follow()
    return this.#follower
  }

  #leave(eventId: string, tell: Tell): void {
    const those = this.#waiting.get(eventId)
    if (!those?.delete(tell)) return
    if (those.size === 0) this.#waiting.delete(eventId)
    if (--this.#count > 0) return
    this.#follower?.stop()
    this.#follower = null
  }

  #follow(): Follower {
    const stopped = new AbortController()
    const { signal } = stopped
    const filter = { topic: RESULTS_TOPIC }
    const start = endOf(this.engine, filter, signal)
    const run = async () => {
      for await (const { event } of read(this.engine, filter, await start, signal)) {
        const result = event.data as Result
        for (const tell of this.#waiting.get(result.id) ?? []) tell(result)
      }
    }
    run().catch((error) => {
      if (signal.aborted) return
      this.log.error(why(error), 'nobody can wait for results')
      this.#tellAll()
    })
    return { ready: start.then(() => {}), stop: () => stopped.abort() }
  }

  #tellAll(): void {
    for (const those of this.#waiting.values()) for (const tell of those) tell(null)
  }

  /** null also if the engine is out of reach: the write is acknowledged, whatever else fails. */
  async #stored(eventId: string): Promise<Result | null> {
    try {
      return await this.engine.get('results', eventId)
    } catch (error) {
      if (!(error instanceof Unavailable)) this.log.error(why(error), 'a result could not be read')
      return null
    }
  }
}
