import { performance } from 'node:perf_hooks'
import type { Engine } from '../engines/engine.js'
import { KeypostError } from '../errors.js'

/** While there are writes, what handlers finish and other processes publish is seen after so many milliseconds. */
const RECOUNT_MS = 250
/** Refusals within so many milliseconds rest on one count, so that the more requests are refused, the cheaper. */
const BELIEVED_MS = 25

/**
 * Refuses to publish while too many events are unfinished, by an estimate: what was counted last, and what this
 * process has published since. So the limit is overshot by the writes that are under way when it is reached,
 * and by what other processes publish between two counts.
 */
export class Backlog {
  /** Nothing is known yet: the first write counts. */
  #counted = Number.POSITIVE_INFINITY
  #countedAt = Number.NEGATIVE_INFINITY
  #since = 0
  #counting: Promise<void> | null = null

  constructor(
    private readonly engine: Pick<Engine, 'stats'>,
    private readonly limit: number,
  ) {}

  /** To be called before anything of a change is written. @throws backlog_full */
  async admit(): Promise<void> {
    while (this.#counted + this.#since >= this.limit) {
      // What was published during a count may be in it as well: only one without is exact enough to refuse.
      if (this.#since === 0 && this.#age() < BELIEVED_MS) {
        throw new KeypostError(
          'backlog_full',
          'Too many events are unfinished. Send the request again later.',
        )
      }
      await this.#count()
    }
    if (this.#age() > RECOUNT_MS) this.#count().catch(() => {}) // the write itself will tell
  }

  published(events: number): void {
    this.#since += events
  }

  #age(): number {
    return performance.now() - this.#countedAt
  }

  #count(): Promise<void> {
    this.#counting ??= this.#recount().finally(() => {
      this.#counting = null
    })
    return this.#counting
  }

  async #recount(): Promise<void> {
    const before = this.#since
    const { topics } = await this.engine.stats()
    this.#counted = Object.values(topics).reduce((sum, { pending, retrying }) => sum + pending + retrying, 0)
    this.#since -= before
    this.#countedAt = performance.now()
  }
}
