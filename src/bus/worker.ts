import { setMaxListeners } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { Batch, Delivery } from '../engines/engine.js'
import { type Position, position } from '../engines/positions.js'
import { Handling, type HandlingParts } from './handling.js'
import type { Replayer } from './replays.js'
import { type BusSettings, PAUSE_MS, why } from './settings.js'
import { Settler } from './settler.js'
import { sweep } from './sweeper.js'
import { Takeover } from './takeover.js'

/** How many events of a partition are in hand: enough to keep many subjects busy beside a slow one. */
const WINDOW = 1024
const BATCH = 256
/** A wake-up can be lost, so the log is looked at now and then anyway. */
const POLL_MS = 1000
/** Before every position of a log. */
const BEGINNING = position(0, 0)

export interface WorkerParts extends HandlingParts {
  replayer: Replayer
  settings: BusSettings
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
  #watermark: Position | null = null
  #lookedBackAt = performance.now()
  readonly #inHand = new Set<string>()
  /** Those of them that are in the open set: claiming answers them again as long as they are. */
  readonly #openInHand = new Set<string>()
  readonly #lanes = new Map<string, Delivery[]>()
  readonly #abandoned = new AbortController()
  readonly #draining = new AbortController()
  readonly #handling: Handling
  readonly #takeover: Takeover
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
    this.#takeover = new Takeover(parts.engine, { partition, token, processor: parts.processor })
    this.#handling = new Handling(parts, {
      takeover: this.#takeover,
      settler: new Settler(parts.engine, { partition, token }, this.#abandoned.signal, parts.log),
      abandoned: this.#abandoned.signal,
      ending: this.#draining.signal,
      abandon: () => this.abandon(),
    })
    this.#loop = this.#work()
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
    this.#takeover.end(false)
    await this.#loop
    await Promise.all(this.#running)
    if (!this.#abandoned.signal.aborted) await this.#takeover.end(true).catch(() => {})
  }

  abandon(): void {
    this.#abandoned.abort()
    this.#draining.abort()
    this.#takeover.end(false)
    this.wake()
  }

  get #ending(): boolean {
    return this.#draining.signal.aborted
  }

  async #work(): Promise<void> {
    while (!this.#ending) {
      try {
        await this.#takeover.crashes.begin()
        break
      } catch (error) {
        this.#warn(error, 'taking the partition failed; trying again')
        await this.#pause()
      }
    }
    const { engine, replayer, settings, log } = this.parts
    const findings = {
      onLost: (delivery: Delivery) => this.#handling.bury(delivery),
      onStray: () => {
        log.error({ alarm: 'data_lost', partition: this.partition }, 'unfinished events were lost sight of')
        this.#position = BEGINNING
        this.wake()
      },
    }
    const sweeping = sweep(engine, this.partition, settings, findings, log, this.#draining.signal)
    const replaying = replayer.start(this.partition, this.#draining.signal)
    await Promise.all([this.#poll(), sweeping, replaying])
  }

  async #poll(): Promise<void> {
    while (!this.#ending) {
      this.#woken = false
      const room = Math.min(BATCH, WINDOW - this.#inHand.size)
      let waitMs = POLL_MS
      if (room > 0) {
        try {
          const after = this.#position
          const { engine, registry } = this.parts
          const limit = room + this.#openInHand.size
          const batch = await engine.claim(this.partition, after, limit, registry.longestDelayMs)
          const moved = batch.position !== after
          // Unless it was sent back to the beginning meanwhile.
          if (this.#position === after) this.#position = batch.position
          this.#compare(batch)
          for (const { event } of batch.due) this.#openInHand.add(event.id)
          const started = [...batch.due, ...batch.fresh].filter((delivery) => this.#take(delivery))
          if (started.length > 0 || moved) waitMs = 0
          else {
            // What is due now is in hand: its end wakes this.
            if (batch.nextDueInMs) waitMs = Math.min(POLL_MS, batch.nextDueInMs)
            this.#takeover.complete()
            this.#lookBack()
          }
        } catch (error) {
          this.#warn(error, 'reading the log failed; trying again')
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

  /** A log that ends, or a watermark that stands, before what was seen of it: data was lost, or put back. */
  #compare({ watermark, reset }: Batch): void {
    const before = this.#watermark
    this.#watermark = watermark
    if (!reset && (before === null || (watermark !== null && watermark >= before))) return
    const facts = { alarm: 'data_lost', partition: this.partition, before, watermark }
    this.parts.log.error(
      facts,
      'the partition is not as it was: data was lost, or put back to an earlier state',
    )
  }

  #warn(error: unknown, message: string): void {
    this.parts.log.warn({ partition: this.partition, ...why(error) }, message)
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
    this.#takeover.taken(id)
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
      this.#takeover.settled(next.event.id)
      this.#inHand.delete(next.event.id)
      this.#openInHand.delete(next.event.id)
      this.wake()
    }
    this.#lanes.delete(name)
  }

  async #deliver(delivery: Delivery): Promise<void> {
    for (let conflicts = 0; !this.#ending; ) {
      const settled = await this.#handling.once(delivery, conflicts)
      if (settled === 'conflict') conflicts++
      else if (settled !== 'interrupted') return
      else await this.#pause()
    }
  }
}
