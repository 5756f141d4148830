import { setTimeout as pause } from 'node:timers/promises'
import type { Engine, Settled, Settlement } from '../engines/engine.js'
import { LeaseLost, Unavailable } from '../engines/errors.js'
import { type Log, PAUSE_MS, why } from './settings.js'

/** A batch is one atomic step, and a step of Redis keeps everybody else waiting. */
const MAX_BATCH = 128

interface Waiting {
  settlement: Settlement
  resolve(settled: Settled): void
  reject(error: unknown): void
}

/**
 * Settles deliveries of one partition in batches: one batch at a time is on its way, and what ends meanwhile
 * makes the next. A batch whose fate is unknown is sent again until it is known, since settling twice changes
 * nothing.
 */
export class Settler {
  #queue: Waiting[] = []
  #busy = false

  constructor(
    private readonly engine: Engine,
    private readonly lease: { partition: number; token: string },
    private readonly signal: AbortSignal,
    private readonly log: Log,
  ) {}

  /**
   * @throws LeaseLost when the partition is another's, or was given up; else whatever makes this very settlement
   * impossible.
   */
  settle(settlement: Settlement): Promise<Settled> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ settlement, resolve, reject })
      if (this.#busy) return
      this.#busy = true
      // What ends in this turn of the event loop shares a batch.
      setImmediate(() => this.#drain())
    })
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) await this.#send(this.#queue.splice(0, MAX_BATCH))
    this.#busy = false
  }

  async #send(batch: Waiting[]): Promise<void> {
    const { partition, token } = this.lease
    const settlements = batch.map(({ settlement }) => settlement)
    for (;;) {
      try {
        const settled = await this.engine.settle(partition, token, settlements)
        for (const [i, { resolve, reject }] of batch.entries()) {
          const answer = settled[i]
          if (answer === undefined) reject(new Error('the engine did not answer for a settlement'))
          else resolve(answer)
        }
        return
      } catch (error) {
        const lost = error instanceof LeaseLost || this.signal.aborted
        if (lost) {
          for (const { reject } of batch) reject(new LeaseLost(partition))
          return
        }
        if (!(error instanceof Unavailable)) return await this.#sift(batch, error)
        this.log.warn({ partition, events: batch.length, ...why(error) }, 'settling failed; trying again')
        await pause(PAUSE_MS, undefined, { signal: this.signal }).catch(() => {})
      }
    }
  }

  /** One settlement that the engine cannot take must not hold up the others of its batch. */
  async #sift(batch: Waiting[], error: unknown): Promise<void> {
    if (batch.length > 1) for (const one of batch) await this.#send([one])
    else batch[0]?.reject(error)
  }
}
