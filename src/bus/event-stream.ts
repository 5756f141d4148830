import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import type { Feed } from './feed.js'
import type { Filter } from './follow.js'
import { heartbeat, opening } from './sse.js'

/** Bytes that wait for a client, at most and give or take one event; the rest waits in the log. */
const BUFFER = 32 * 1024

/**
 * The events of a filter from a place on, as server-sent events. It takes from the feed only what the client takes
 * from it, so that a slow one costs no more than its buffer.
 */
export class EventStream extends Readable {
  readonly #leave: () => void
  #wake: () => void = () => {}
  /** Since when nothing was taken though there is something; null: all is well. */
  #fullSince: number | null = null
  #isBegun = false
  #isOver = false

  constructor(
    private readonly feed: Feed,
    private readonly wanted: Filter,
    private cursor: string,
  ) {
    super({ highWaterMark: BUFFER })
    this.#leave = feed.join(() => this.#wake())
    this.push(opening(cursor))
  }

  /** Tells the client that it lives, and where it stands. */
  beat(): void {
    if (this.#isOver || this.#fullSince !== null) return
    this.#send(heartbeat(this.cursor))
  }

  /** For so many milliseconds the client has taken nothing. */
  get stalledMs(): number {
    return this.#fullSince === null ? 0 : performance.now() - this.#fullSince
  }

  /** Ends after what is on its way. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#wake()
    this.push(null)
  }

  override _read(): void {
    this.#fullSince = null
    this.#wake()
    if (this.#isBegun) return
    this.#isBegun = true
    this.#run().catch((error: Error) => this.destroy(error))
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#isOver = true
    this.#wake()
    this.#leave()
    done(error)
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const { round } = this.feed
      const isFull = this.#fullSince !== null
      const step = isFull ? null : await this.feed.after(this.wanted, this.cursor)
      if (this.#isOver) return
      this.cursor = step?.cursor ?? this.cursor
      if (typeof step?.text === 'string') this.#send(step.text)
      const hasMore = step !== null && step.endIn === null
      if (!hasMore && (isFull ? this.#fullSince !== null : this.feed.round === round)) await this.#woken()
    }
  }

  #send(text: string): void {
    if (!this.push(text)) this.#fullSince ??= performance.now()
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
