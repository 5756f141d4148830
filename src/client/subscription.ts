import { read, sleep } from '../bus/follow.js'
import { retryDelay } from '../bus/retry.js'
import { type Log, PAUSE_MS, why } from '../bus/settings.js'
import type { Missed } from '../engines/engine.js'
import { BadCursor } from '../engines/errors.js'
import type { KeypostEvent } from '../schemas/event.js'
import { type Tenure, type TenureOptions, take } from './tenure.js'

/** After the first failure up to a second is waited, then twice as long each time, up to a minute. */
const RETRY = { retryBaseMs: 1000, retryCapMs: 60_000 }

/** How often a handler looks whether the name is safe again, in milliseconds. */
const SAFETY_MS = 50

const MISSED: Record<Missed, string> = {
  swept:
    'events that were published since the stored position are not kept any more; going on with those that are',
  lost: 'the stored position is not one of this data; beginning with all that is kept',
}

export interface Subscription {
  /**
   * Waits for the handler that runs, stores how far it has come, and lets another instance of the name go on.
   * A handler that waits for this itself waits for ever.
   */
  stop(): Promise<void>
}

export interface SubscriptionOptions extends TenureOptions {
  handler: (event: KeypostEvent) => unknown
  log: Log
}

/**
 * Hands the events of a topic to a handler, one at a time, in publish order within each partition, and goes on
 * where the name was left (see tenure.ts). The position moves only when the handler has returned, so each event
 * is handled at least once: again when the handler threw, and perhaps again after a crash or a takeover. An
 * event whose handler keeps throwing is tried until it does not; those behind it wait.
 */
export class DurableSubscription implements Subscription {
  readonly #stopping = new AbortController()
  readonly #loop: Promise<void>
  readonly #facts: { topic: string; subscription: string }
  /** The position was of no use, so the next tenure begins anew. */
  #anew = false

  constructor(private readonly options: SubscriptionOptions) {
    this.#facts = { topic: options.topic, subscription: options.name }
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        const tenure = await take(this.options, signal)
        if (tenure !== null) await this.#serve(tenure)
      } catch (error) {
        this.options.log.error({ ...this.#facts, ...why(error) }, 'the subscription failed; trying again')
        await sleep(PAUSE_MS, signal)
      }
    }
  }

  async #serve(tenure: Tenure): Promise<void> {
    const { engine, topic, log } = this.options
    const over = AbortSignal.any([this.#stopping.signal, tenure.lost])
    const onPlace = (cursor: string, missed: Missed | null) => {
      if (missed !== null) log.warn({ ...this.#facts, missed }, MISSED[missed])
      tenure.passed(cursor)
    }
    try {
      const start = this.#anew ? null : tenure.start
      for await (const { event, cursor } of read(engine, { topic }, start, over, onPlace)) {
        if (!(await this.#handle(event, tenure, over))) break
        this.#anew = false
        tenure.passed(cursor)
      }
    } catch (error) {
      if (!(error instanceof BadCursor)) throw error
      this.#anew = true
      log.warn(this.#facts, 'the stored position is not one of this data; beginning with all that is kept')
    } finally {
      await tenure.end()
    }
    if (tenure.lost.aborted) log.warn(this.#facts, 'another instance of the subscription goes on')
  }

  /** Whether the event was handled, before it was not this instance's to handle any more. */
  async #handle(event: KeypostEvent, tenure: Tenure, over: AbortSignal): Promise<boolean> {
    for (let failures = 0; ; ) {
      while (!tenure.isSafe && !over.aborted) await sleep(SAFETY_MS, over)
      if (over.aborted) return false
      try {
        await this.options.handler(event)
        return true
      } catch (error) {
        const delayMs = retryDelay(++failures, RETRY)
        const facts = { ...this.#facts, eventId: event.id, type: event.type, attempt: failures, delayMs }
        this.options.log.warn({ ...facts, err: error }, 'the handler failed; the event will be tried again')
        await sleep(delayMs, over)
      }
    }
  }
}
