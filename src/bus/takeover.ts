import type { Delivery, Engine } from '../engines/engine.js'
import { Crashes, crashesOf } from './crashes.js'

/** As many events as a holder can have had in hand. */
const MOST_IN_HAND = 1024

/**
 * How a worker treats what it finds when it takes a partition: unfinished events that the holder before may have
 * died over. Once they are settled, the partition is like any other.
 */
export class Takeover {
  readonly crashes: Crashes
  /** Resolves when what was found is settled, or the worker ends. */
  readonly calm: Promise<void>

  readonly #found = new Set<string>()
  #taken = 0
  #reading = true
  #calmed: () => void = () => {}

  constructor(engine: Pick<Engine, 'swap'>, lease: { partition: number; token: string; processor: string }) {
    this.crashes = new Crashes(engine, lease)
    this.calm = new Promise((resolve) => {
      this.#calmed = resolve
    })
  }

  /** An event was taken in hand. */
  taken(eventId: string): void {
    if (!this.#reading) return
    this.#found.add(eventId)
    if (++this.#taken === MOST_IN_HAND) this.complete()
  }

  /** Nothing more is to be found. */
  complete(): void {
    this.#reading = false
    this.#check()
  }

  /** An event is settled: it has its result, or waits for another attempt. */
  settled(eventId: string): void {
    if (this.#found.delete(eventId)) this.#check()
  }

  /** Whether its handler is to run alone, and noted before. */
  suspects(delivery: Delivery): boolean {
    return crashesOf(delivery) > 0 || (this.crashes.cautious && this.#found.has(delivery.event.id))
  }

  /** The worker ends. `inOrder`: nothing that it has begun is unfinished. */
  async end(inOrder: boolean): Promise<void> {
    this.#calmed()
    if (inOrder) await this.crashes.end()
  }

  #check(): void {
    if (this.#reading || this.#found.size > 0) return
    // Should it stay written down, the next holder is careful without need.
    this.crashes.end().catch(() => {})
    this.#calmed()
  }
}
