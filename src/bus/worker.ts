import { setMaxListeners } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { LimitFunction } from 'p-limit'
import { failuresIn } from '../domain/history.js'
import type { Delivery, Engine, Settled } from '../engines/engine.js'
import { LeaseLost } from '../engines/errors.js'
import type { Position } from '../engines/positions.js'
import { type Attempt, attempt } from './attempt.js'
import type { Registry } from './handler.js'
import type { Publisher } from './publisher.js'
import { type BusSettings, type Log, PAUSE_MS, why } from './settings.js'
import { settlementOf } from './settlement.js'
import { Settler } from './settler.js'

/** How many events of a partition are in hand: enough to keep many subjects busy beside a slow one. */
const WINDOW = 1024
const BATCH = 256
/** A wake-up can be lost, so the log is looked at now and then anyway. */
const POLL_MS = 1000
/** A handler whose record changes under it every time is at fault itself, in the end. */
const MAX_CONFLICTS = 20

type Ended = Exclude<Attempt, { end: 'interrupted' }>

export interface WorkerParts {
  engine: Engine
  publisher: Publisher
  registry: Registry
  settings: BusSettings
  /** Shared by all workers of a process. */
  slots: LimitFunction
  processor: string
  log: Log
}

/**
 * Processes one partition for as long as it is leased: reads ahead, runs each subject's events one at a time
 * in publish order (the next only when the settlement of the one before is confirmed), different subjects side
 * by side, and settles in batches.
 *
 * It ends in one of two ways. `drain`: nothing new is started, what runs is finished and settled. `abandon`:
 * the lease is lost, so handlers are interrupted and nothing more is written.
 */
export class Worker {
  /** `Date.now()` of the last completed look at the log. */
  lastPollAt = Date.now()

  #position: Position | null = null
  #lookedBackAt = performance.now()
  readonly #inHand = new Set<string>()
  readonly #lanes = new Map<string, Delivery[]>()
  readonly #abandoned = new AbortController()
  readonly #draining = new AbortController()
  readonly #settler: Settler
  readonly #running = new Set<Promise<void>>()
  readonly #loop: Promise<void>
  #woken = false
  #awake: () => void = () => {}

  constructor(
    readonly partition: number,
    readonly token: string,
    private readonly parts: WorkerParts,
  ) {
    // Every handler that runs and every pause listens to these.
    setMaxListeners(0, this.#abandoned.signal, this.#draining.signal)
    this.#settler = new Settler(parts.engine, { partition, token }, this.#abandoned.signal, parts.log)
    this.#loop = this.#poll()
  }

  /** Something was published here: look now. */
  wake(): void {
    this.#woken = true
    this.#awake()
  }

  /** Ends when what was running is settled. */
  async drain(): Promise<void> {
    this.#draining.abort()
    this.wake()
    await this.#loop
    await Promise.all(this.#running)
  }

  abandon(): void {
    this.#abandoned.abort()
    this.#draining.abort()
    this.wake()
  }

  get #ending(): boolean {
    return this.#draining.signal.aborted
  }

  async #poll(): Promise<void> {
    while (!this.#ending) {
      this.#woken = false
      const room = Math.min(BATCH, WINDOW - this.#inHand.size)
      let waitMs = POLL_MS
      if (room > 0) {
        try {
          const batch = await this.parts.engine.claim(this.partition, this.#position, room)
          const moved = batch.position !== this.#position
          this.#position = batch.position
          const started = [...batch.due, ...batch.fresh].filter((delivery) => this.#take(delivery))
          if (started.length > 0 || moved) waitMs = 0
          else {
            // What is due now is in hand: its end wakes this.
            if (batch.nextDueInMs) waitMs = Math.min(POLL_MS, batch.nextDueInMs)
            this.#lookBack()
          }
        } catch (error) {
          this.parts.log.warn(
            { partition: this.partition, ...why(error) },
            'reading the log failed; trying again',
          )
          await this.#pause()
          continue
        }
      }
      this.lastPollAt = Date.now()
      if (waitMs > 0) await this.#idle(waitMs)
    }
  }

  /**
   * At the end of the log, once a lease time: starts again from the watermark. Data that was put back to an
   * earlier state has lost results of events that this worker has passed.
   */
  #lookBack(): void {
    const now = performance.now()
    if (now - this.#lookedBackAt < this.parts.settings.leaseMs) return
    this.#lookedBackAt = now
    this.#position = null
  }

  /** Waits for a wake-up, at most so long; one that came while the log was being read counts. */
  async #idle(ms: number): Promise<void> {
    if (this.#woken) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#awake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #pause(): Promise<void> {
    return pause(PAUSE_MS, undefined, { signal: this.#draining.signal }).catch(() => {})
  }

  /** Puts a delivery in its subject's lane; false if it is in hand already. */
  #take(delivery: Delivery): boolean {
    const { id, subject } = delivery.event
    if (this.#inHand.has(id) || this.#ending) return false
    this.#inHand.add(id)
    const lane = subject ?? id
    const waiting = this.#lanes.get(lane)
    if (waiting !== undefined) {
      waiting.push(delivery)
      return true
    }
    this.#lanes.set(lane, [delivery])
    const run = this.#runLane(lane).finally(() => this.#running.delete(run))
    this.#running.add(run)
    return true
  }

  async #runLane(name: string): Promise<void> {
    const lane = this.#lanes.get(name) ?? []
    for (let next = lane.shift(); next !== undefined && !this.#ending; next = lane.shift()) {
      await this.#deliver(next)
      this.#inHand.delete(next.event.id)
      this.wake()
    }
    this.#lanes.delete(name)
  }

  async #deliver(delivery: Delivery): Promise<void> {
    for (let conflicts = 0; !this.#ending; ) {
      const settled = await this.#once(delivery, conflicts)
      if (settled === 'conflict') conflicts++
      else if (settled !== 'interrupted') return
      else await this.#pause()
    }
  }

  /** Handles and settles an event once; `interrupted` if that came to nothing. */
  async #once(delivery: Delivery, conflicts: number): Promise<Settled | 'interrupted'> {
    const { registry, slots, processor, settings, log } = this.parts
    const { name: handler, handle } = registry.for(delivery.event)
    const run =
      conflicts < MAX_CONFLICTS
        ? await slots(() => this.#attempt(handle, delivery))
        : failed('conflict', 'the record kept changing under the handler')
    const facts = factsOf(delivery)
    if (run.end === 'interrupted') {
      if (!this.#ending) log.warn({ ...facts, why: run.why }, 'handling was interrupted; trying again')
      return 'interrupted'
    }
    const by = { handler, processor, settings }
    try {
      return await this.#settle(delivery, run, by)
    } catch (error) {
      if (error instanceof LeaseLost) {
        this.abandon()
        return 'interrupted'
      }
      log.error({ ...facts, err: error }, 'the engine cannot take this settlement')
      const failure = failed('not_settled', 'what the handler returned could not be written')
      return this.#settle(delivery, failure, by).catch(() => 'interrupted' as const)
    }
  }

  async #settle(delivery: Delivery, run: Ended, by: Parameters<typeof settlementOf>[2]): Promise<Settled> {
    const settlement = settlementOf(delivery, run, by)
    const settled = await this.#settler.settle(settlement)
    if (settled !== 'settled') return settled
    const { log } = this.parts
    const facts = factsOf(delivery)
    if (run.end === 'handled') log.info({ ...facts, durationMs: run.durationMs }, 'event processed')
    else if (settlement.how === 'retry')
      log.warn({ ...facts, error: run.error }, 'attempt failed; trying again')
    else log.error({ ...facts, error: run.error }, 'event is dead')
    return settled
  }

  async #attempt(handle: Parameters<typeof attempt>[0], delivery: Delivery): Promise<Attempt> {
    if (this.#ending) return { end: 'interrupted', why: 'the partition is being given up', durationMs: 0 }
    const { engine, publisher, settings } = this.parts
    const context = { engine, publisher, attempt: failuresIn(delivery.history).length + 1 }
    return attempt(handle, delivery.event, context, settings.handlerTimeoutMs, this.#abandoned.signal)
  }
}

const failed = (code: string, message: string) =>
  ({ end: 'failed', error: { code, message }, durationMs: 0 }) as const

const factsOf = ({ event, history }: Delivery) => ({
  eventId: event.id,
  topic: event.topic,
  type: event.type,
  attempt: failuresIn(history).length + 1,
})
