import { performance } from 'node:perf_hooks'
import type { Engine } from '../engines/engine.js'
import { type Filter, POLL_MS, pageAfter, QUIET_MS } from './follow.js'
import { message, reset } from './sse.js'

/** What is remembered for readers that are a little behind: characters, keys and texts together. */
const MAX_REMEMBERED = 4_000_000

/** What comes after a place, and where that leads. */
export interface Step {
  /** null: nothing for this reader. */
  text: string | null
  cursor: string
  /** Nothing more was there as of this round; null: there may be. */
  endIn: number | null
}

/**
 * What the live readers of a process share. They stand at the same place most of the time, so for each filter the
 * engine is asked once for all of them, and each event is written as text once. A reader keeps nothing but its
 * place; one that falls behind finds what it has not taken yet here, or else in the log.
 */
export class Feed {
  readonly #readers = new Set<() => void>()
  /** By filter and place. The older ones go first. */
  readonly #steps = new Map<string, Step>()
  readonly #looks = new Map<string, Promise<boolean>>()
  #remembered = 0
  #round = 0
  #ringing: NodeJS.Timeout | null = null
  #rungAt = 0
  #leave: (() => void) | null = null

  constructor(private readonly engine: Engine) {}

  /** Raised when there may be something new: whoever found nothing looks again. */
  get round(): number {
    return this.#round
  }

  /** Calls back after every new round, until the answer is called. */
  join(wake: () => void): () => void {
    this.#readers.add(wake)
    this.#leave ??= this.#begin()
    return () => {
      this.#readers.delete(wake)
      if (this.#readers.size > 0) return
      this.#leave?.()
      this.#leave = null
    }
  }

  /** The next step after a cursor; null: the infrastructure failed. @throws BadCursor */
  async after(filter: Filter, cursor: string): Promise<Step | null> {
    const name = JSON.stringify([filter.topic, filter.type])
    for (;;) {
      const step = this.#steps.get(name + cursor)
      if (step !== undefined && (step.endIn === null || step.endIn === this.#round)) return step
      const look = this.#looks.get(name + cursor) ?? this.#look(name, filter, cursor)
      if (!(await look)) return null
    }
  }

  #look(name: string, filter: Filter, cursor: string): Promise<boolean> {
    const look = this.#read(name, filter, cursor).finally(() => this.#looks.delete(name + cursor))
    this.#looks.set(name + cursor, look)
    return look
  }

  async #read(name: string, filter: Filter, from: string): Promise<boolean> {
    const round = this.#round
    const page = await pageAfter(this.engine, filter, from)
    if (page === null) return false
    this.#forget()
    const remember = (cursor: string, step: Step) => {
      this.#remembered += sizeOf(name + cursor, step) - sizeOf(name + cursor, this.#steps.get(name + cursor))
      this.#steps.set(name + cursor, step)
    }
    let at = from
    for (const { event, cursor } of page.items) {
      remember(at, { text: message(event, cursor), cursor, endIn: null })
      at = cursor
    }
    const { cursor, missed, atEnd } = page
    if (missed !== null) remember(at, { text: reset(missed, cursor), cursor, endIn: null })
    else if (atEnd || page.items.length === 0)
      remember(at, { text: null, cursor, endIn: atEnd ? round : null })
    return true
  }

  #forget(): void {
    for (const [key, step] of this.#steps) {
      if (this.#remembered <= MAX_REMEMBERED) return
      this.#steps.delete(key)
      this.#remembered -= sizeOf(key, step)
    }
  }

  #begin(): () => void {
    const unwatch = this.engine.watch(() => this.#ring())
    const poll = setInterval(() => this.#ring(), POLL_MS)
    return () => {
      unwatch()
      clearInterval(poll)
      if (this.#ringing !== null) clearTimeout(this.#ringing)
      this.#ringing = null
      this.#steps.clear()
      this.#remembered = 0
    }
  }

  /** Every event wakes, so rounds are kept apart. */
  #ring(): void {
    const waitMs = Math.max(0, this.#rungAt + QUIET_MS - performance.now())
    this.#ringing ??= setTimeout(() => {
      this.#ringing = null
      this.#rungAt = performance.now()
      this.#round++
      for (const wake of this.#readers) wake()
    }, waitMs)
  }
}

const sizeOf = (key: string, step: Step | undefined): number =>
  step === undefined ? 0 : key.length + step.cursor.length + (step.text?.length ?? 0)
