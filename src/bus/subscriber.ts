import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import pLimit from 'p-limit'
import type { Engine, Fleet, LeaseSwap } from '../engines/engine.js'
import { type Handler, Registry } from './handler.js'
import { Membership } from './membership.js'
import type { Observer } from './observer.js'
import type { Publisher } from './publisher.js'
import { Replayer } from './replays.js'
import { type BusSettings, type Log, why } from './settings.js'
import { passingOn, type Tracer } from './tracer.js'
import { Worker, type WorkerParts } from './worker.js'

/** A dead processor's partitions are taken within the lease time and two beats. */
const MAX_BEAT_MS = 1000

export interface Subscriber {
  /** The processor's id, as leases and announcements have it. */
  readonly id: string
  /** Whether this process gets events handled: by the age of its last completed look at what there is to do. */
  health(): { ok: boolean; detail: string }
  /** Finishes and settles what is in hand (for at most `drainMs`), gives the partitions back, and is gone. */
  stop(): Promise<void>
}

export interface SubscriberOptions {
  engine: Engine
  publisher: Publisher
  handlers: Handler[]
  settings: BusSettings
  log: Log
  observer?: Observer
  /** Without it, traces of others are handed on. */
  tracer?: Tracer
}

/** Starts handling events in this process: joins the others, shares the partitions, works through its own. */
export function startSubscriber(options: SubscriberOptions): Subscriber {
  return new Processor(options)
}

class Processor implements Subscriber {
  readonly id = randomUUID()

  readonly #engine: Engine
  readonly #settings: BusSettings
  readonly #log: Log
  readonly #membership: Membership
  readonly #parts: WorkerParts
  readonly #workers = new Map<number, Worker>()
  /** Partitions that are on their way back to the others: being drained, then drained. */
  readonly #leaving = new Map<number, 'draining' | 'drained'>()
  readonly #stopped = new AbortController()
  readonly #loop: Promise<void>
  readonly #unwatch: () => void
  readonly #beatMs: number
  /** From then on nothing is taken, so that what is in hand only gets less. */
  #stopping = false
  #beat = 0
  #lastBeatAt: number | null = null
  #outage = false
  /** Living processors with other handlers than this one: what becomes of an event depends on who handles it. */
  #unlike: string[] = []

  constructor(options: SubscriberOptions) {
    const { engine, publisher, handlers, settings, log, observer, tracer = passingOn } = options
    this.#engine = engine
    this.#settings = settings
    this.#log = log
    this.#beatMs = Math.min(settings.leaseMs / 4, MAX_BEAT_MS)
    this.#membership = new Membership(this.id, settings.leaseMs)
    const slots = pLimit(settings.concurrency)
    const registry = new Registry(handlers, settings)
    const replayer = new Replayer({ engine, settings, log })
    this.#parts = {
      engine,
      publisher,
      registry,
      settings,
      slots,
      guard: pLimit(1),
      replayer,
      processor: this.id,
      log,
      observer,
      tracer,
    }
    this.#unwatch = engine.watch((partition, what) => {
      if (what === 'events') this.#workers.get(partition)?.wake()
    })
    this.#loop = this.#run()
  }

  health(): { ok: boolean; detail: string } {
    if (this.#lastBeatAt === null) return { ok: false, detail: 'has not reached the engine yet' }
    // One that drains reads no more, and may take as long as its handlers do.
    const reading = [...this.#workers].filter(([partition]) => !this.#leaving.has(partition))
    const oldest = Math.min(this.#lastBeatAt, ...reading.map(([, worker]) => worker.lastPollAt))
    const age = Date.now() - oldest
    return {
      ok: age < Math.max(this.#settings.leaseMs, 3 * MAX_BEAT_MS),
      detail:
        `polled ${Math.max(0, age)} ms ago, holds ${this.#workers.size} partitions` +
        (this.#unlike.length === 0 ? '' : `; its handlers are not those of ${this.#unlike.join(', ')}`),
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const workers = [...this.#workers.values()]
    const drained = Promise.all(workers.map((worker) => worker.drain())).then(() => true)
    // The leases are renewed until the work is settled, or nobody would be allowed to settle it.
    if (!(await Promise.race([drained, pause(this.#settings.drainMs, false, { ref: false })]))) {
      this.#log.warn(
        { partitions: workers.length },
        'stopping with events in hand; they will be handled again',
      )
      for (const worker of workers) worker.abandon()
    }
    this.#stopped.abort()
    this.#unwatch()
    await this.#loop
    const held = this.#membership.held()
    const releases = this.#membership
      .plan(performance.now(), new Set(held.keys()))
      .filter(({ to }) => to === null)
    await this.#announce(0, releases).catch(() => {})
  }

  async #run(): Promise<void> {
    let swaps: LeaseSwap[] = []
    while (!this.#stopped.signal.aborted) {
      try {
        const fleet = await this.#announce(++this.#beat, swaps)
        const now = performance.now()
        const known = this.#lastBeatAt !== null
        this.#membership.observe(fleet, now)
        this.#lastBeatAt = Date.now()
        this.#compare(fleet, now)
        if (this.#outage) this.#log.info({ processor: this.id }, 'the engine is back')
        this.#outage = false
        this.#follow(now)
        swaps = this.#membership
          .plan(now, this.#drained())
          .filter(({ from }) => !this.#stopping || from?.processor === this.id)
        // Whatever is there to be taken is taken at once.
        if (!known) continue
      } catch (error) {
        if (!this.#outage)
          this.#log.warn({ processor: this.id, ...why(error) }, 'the engine cannot be reached')
        this.#outage = true
      }
      await pause(this.#beatMs, undefined, { signal: this.#stopped.signal }).catch(() => {})
    }
  }

  #compare({ processors }: Fleet, now: number): void {
    const others = new Set(this.#membership.others(now))
    const own = String(this.#parts.registry.names)
    const unlike = processors.filter(({ id, handlers }) => others.has(id) && String(handlers) !== own)
    this.#unlike = unlike.map(({ id }) => id)
  }

  #announce(beat: number, swaps: LeaseSwap[]) {
    const lastPollAt = this.#lastBeatAt === null ? null : new Date(this.#lastBeatAt).toISOString()
    const me = { id: this.id, lastPollAt, handlers: this.#parts.registry.names, beat }
    return this.#engine.lease(me, swaps)
  }

  /** Starts, drains and abandons workers until they are what the leases say. */
  #follow(now: number): void {
    const held = this.#membership.held()
    for (const [partition, worker] of this.#workers) {
      if (held.get(partition) === worker.token) continue
      const facts = { alarm: 'data_lost', partition }
      const leaving = this.#leaving.get(partition)
      if (leaving === 'drained') this.#log.debug({ partition }, 'partition given back')
      else if (this.#membership.isFree(partition)) {
        if (leaving === undefined) this.#log.error(facts, 'the lease is gone, though nobody gave it back')
      } else this.#log.warn({ partition }, 'the partition is held by another now')
      worker.abandon()
      this.#workers.delete(partition)
      this.#leaving.delete(partition)
    }
    for (const [partition, token] of held) {
      if (this.#workers.has(partition) || this.#stopping) continue
      this.#log.debug({ partition }, 'partition taken')
      this.#workers.set(partition, new Worker(partition, token, this.#parts))
    }
    const excess = this.#membership.surplus(now) - this.#leaving.size
    const stay = [...this.#workers].filter(([partition]) => !this.#leaving.has(partition))
    for (const [partition, worker] of stay.slice(0, Math.max(0, excess))) {
      this.#leaving.set(partition, 'draining')
      worker.drain().then(() => {
        // Unless it was lost meanwhile.
        if (this.#workers.get(partition) === worker) this.#leaving.set(partition, 'drained')
      })
    }
  }

  #drained(): Set<number> {
    return new Set(
      [...this.#leaving].flatMap(([partition, state]) => (state === 'drained' ? [partition] : [])),
    )
  }
}
