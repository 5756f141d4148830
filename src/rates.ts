import { RateLimiterMemory, type RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { within } from './within.js'

/** Redis answers within a few milliseconds. One that takes longer must not slow down what it is not needed for. */
const ANSWER_MS = 250
/** After that, or an error, it is left alone for so long: else every request would wait as long again. */
const PAUSE_MS = 1000

export interface Standing {
  allowed: boolean
  /** How many requests are left, and milliseconds until there are all of them again. */
  left: number
  resetMs: number
}

/**
 * How many requests each client has sent in its window, which begins with its first one. With Redis all processes
 * share the counts; while it is out of reach or slow each counts for itself.
 */
export class Rates {
  readonly #local: RateLimiterMemory
  #pausedUntil = 0

  constructor(
    readonly points: number,
    windowSeconds: number,
    private readonly shared: RateLimiterRedis | null,
    private readonly onPause: (reason: string) => void,
  ) {
    this.#local = new RateLimiterMemory({ points, duration: windowSeconds })
  }

  /** One more request. */
  async count(client: string): Promise<Standing> {
    const known = await this.refused(client)
    if (known !== null) return known
    const shared = await this.#sharedCount(client)
    if (shared === null) return standingOf(await settled(this.#local.consume(client)))
    const standing = standingOf(shared)
    // Remembered here, so that a flood costs Redis nothing.
    if (!standing.allowed) await this.#local.block(client, standing.resetMs / 1000)
    return standing
  }

  /** What is known here, without asking Redis, of a client that has none left; null: it may have some. */
  async refused(client: string): Promise<Standing | null> {
    const known = await this.#local.get(client)
    if (known === null || known.consumedPoints <= this.points) return null
    return { allowed: false, left: 0, resetMs: known.msBeforeNext }
  }

  /** null: Redis does not say. */
  async #sharedCount(client: string): Promise<Counted | null> {
    if (this.shared === null || performance.now() < this.#pausedUntil) return null
    const counted = await within(
      ANSWER_MS,
      settled(this.shared.consume(client)).catch(reasonOf),
      'it is slow',
    )
    if (typeof counted !== 'string') return counted
    this.#pausedUntil = performance.now() + PAUSE_MS
    this.onPause(counted)
    return null
  }
}

interface Counted {
  allowed: boolean
  counted: RateLimiterRes
}

/** The library rejects with a count that is too high. */
async function settled(counting: Promise<RateLimiterRes>): Promise<Counted> {
  try {
    return { allowed: true, counted: await counting }
  } catch (error) {
    if (error instanceof RateLimiterRes) return { allowed: false, counted: error }
    throw error
  }
}

const standingOf = ({ allowed, counted }: Counted): Standing => ({
  allowed,
  left: counted.remainingPoints,
  resetMs: counted.msBeforeNext,
})

/** Errors of the client may carry the command in other fields, so only the message is taken. */
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : 'it failed')
