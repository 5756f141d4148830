import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { Bell } from '../bus/bell.js'
import { sleep, throughOutage } from '../bus/follow.js'
import { placementFor } from '../domain/ids.js'
import type { Engine } from '../engines/engine.js'

/**
 * A durable subscription has a name, and the name has one value in the engine: who holds it, a count of its
 * signs of life, and how far its events are handled. One instance at a time holds a name:
 *
 * - free (no value, or no token in it) → held: an instance swaps its own token in.
 * - held → held: the holder swaps a higher beat in, several times a lease, with how far it has come.
 * - held → free: the holder stops.
 * - held → held by another: another instance has seen the very same value for a lease time by its own monotonic
 *   clock, and swaps its token in.
 *
 * Every swap names the whole value before it, so whoever has lost the name can not move its position any more.
 * A holder that could not renew for a lease time starts no handler until it has. No value ever comes back, since
 * tokens are unique and beats only grow.
 */
interface Value {
  token: string | null
  beat: number
  /** null: at the beginning. */
  cursor: string | null
}

/** An outage or a death is noticed within a lease time and one of these, in milliseconds. */
const MAX_BEAT_MS = 1000
const beatMs = (leaseMs: number) => Math.min(leaseMs / 4, MAX_BEAT_MS)

export interface TenureOptions {
  engine: Engine
  topic: string
  name: string
  /** A holder that is silent for so long, in milliseconds, loses the name. */
  leaseMs: number
}

type Swap = (from: string | null, to: string | null) => Promise<string | null>

const claimOn =
  ({ engine, topic, name }: TenureOptions): Swap =>
  async (from, to) => {
    const claim = `subscription:${topic}:${name}`
    return engine.swap(placementFor(engine.layout.placementKey, claim), { name: claim, from, to })
  }

const parse = (text: string | null): Value | null => (text === null ? null : (JSON.parse(text) as Value))

/** Waits until the name is this instance's; null: somebody aborted. */
export async function take(options: TenureOptions, signal: AbortSignal): Promise<Tenure | null> {
  const swap = claimOn(options)
  const token = randomUUID()
  let seen: string | null = null
  /** When the answer that told of it was there: the holder may have renewed as late as that. */
  let since = performance.now()
  while (!signal.aborted) {
    const now = performance.now()
    const value = parse(seen)
    const isFree = value === null || value.token === null || now - since >= options.leaseMs
    const mine = JSON.stringify({ token, beat: 0, cursor: value?.cursor ?? null } satisfies Value)
    const answer = await throughOutage(async () => ({ found: await swap(seen, isFree ? mine : seen) }))
    if (answer !== null && isFree && answer.found === seen) return new Tenure(swap, options, mine, now)
    if (answer !== null && answer.found !== seen) {
      seen = answer.found
      since = performance.now()
      const { token: holder = null } = parse(seen) ?? {}
      // It was swapped in before, and the answer was lost: nobody knows when, so it is renewed first.
      if (seen !== null && holder === token) return new Tenure(swap, options, seen, Number.NEGATIVE_INFINITY)
      if (holder === null) continue
    }
    await sleep(beatMs(options.leaseMs), signal)
  }
  return null
}

/** The time for which this instance holds the name. */
export class Tenure {
  /** Where it began; null: at the beginning. */
  readonly start: string | null
  readonly #token: string | null
  readonly #lost = new AbortController()
  readonly #ending = new AbortController()
  readonly #bell = new Bell()
  readonly #loop: Promise<void>
  #beat = 0
  #cursor: string | null
  #written: string | null

  constructor(
    private readonly swap: Swap,
    private readonly options: TenureOptions,
    private stored: string,
    /** By the monotonic clock: nobody else can have the name within a lease time after it. */
    private confirmedAt: number,
  ) {
    const value = parse(stored)
    this.#token = value?.token ?? null
    this.start = this.#cursor = this.#written = value?.cursor ?? null
    this.#loop = this.#keep().catch((error: unknown) => {
      this.#lost.abort()
      throw error
    })
    this.#loop.catch(() => {}) // `end` tells of it
  }

  /** Aborted when the name is another's. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Nobody else can have the name yet. */
  get isSafe(): boolean {
    return !this.lost.aborted && performance.now() - this.confirmedAt < this.options.leaseMs
  }

  /** Everything up to here is handled. Written at once, or as soon as what is being written is. */
  passed(cursor: string): void {
    this.#cursor = cursor
    this.#bell.ring()
  }

  /** Writes how far it has come and lets the name go, unless the infrastructure fails: then others wait a lease. */
  async end(): Promise<void> {
    this.#ending.abort()
    await this.#loop
    if (!this.lost.aborted) await throughOutage(() => this.#write(null))
  }

  async #keep(): Promise<void> {
    const interval = beatMs(this.options.leaseMs)
    while (!this.#ending.signal.aborted && !this.lost.aborted) {
      this.#bell.silence()
      if (this.#cursor === this.#written && this.isSafe) await this.#bell.heard(interval, this.#ending.signal)
      if (this.#ending.signal.aborted) return
      const done = await throughOutage(() => this.#write(this.#token))
      if (done === null) await sleep(interval, this.#ending.signal)
    }
  }

  async #write(token: string | null): Promise<true> {
    const value: Value = { token, beat: ++this.#beat, cursor: this.#cursor }
    const to = JSON.stringify(value)
    for (;;) {
      const now = performance.now()
      const found = await this.swap(this.stored, to)
      if (found === this.stored) {
        this.stored = to
        this.confirmedAt = now
        this.#written = value.cursor
        return true
      }
      // A write before took place, though its answer was lost.
      if (found !== null && parse(found)?.token === this.#token) this.stored = found
      else {
        this.#lost.abort()
        return true
      }
    }
  }
}
