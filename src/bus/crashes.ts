import { failuresIn } from '../domain/history.js'
import type { Delivery, Engine } from '../engines/engine.js'

/** The code of an attempt that ended with its process. */
export const CRASHED = 'process_crashed'

/** An event that ended so many processes is dead, however many attempts it may have. */
export const MAX_CRASHES = 3

/** Takeovers in a row that came to nothing, until the next holder is careful. Most crashes have nothing to do with events. */
const PATIENCE = 2

const STREAK = 'crash:streak'
const SUSPECT = 'crash:suspect'

export const crashesOf = ({ history }: Pick<Delivery, 'history'>): number =>
  failuresIn(history).filter(({ error }) => error.code === CRASHED).length

/**
 * Finds the event that ends the processes which handle it. A process that dies says nothing, so what must be
 * known of it is written down before, in two claims of the partition:
 *
 * - the *streak*: how many holders in a row took the partition and did not get through what they found there.
 *   It is raised by each new holder, and taken away once what it found is settled, or when it leaves in order.
 * - the *suspect*: which event a holder was handling. A holder that finds a streak handles what it finds there
 *   one at a time, each noted before its handler runs; so does every holder with an event that has ended a
 *   process before. Only the one that was noted can be blamed, and only as it was then: its revision is noted too,
 *   so that a note that outlived its handler blames nobody, and none is counted twice.
 */
export class Crashes {
  /** What was found here must be handled one at a time. */
  cautious = false

  /** What another holder has noted; null: nothing. */
  #victim: { eventId: string; revision: number; processor: string } | null = null
  #streak: string | null = null
  #suspect: string | null = null

  constructor(
    private readonly engine: Pick<Engine, 'swap'>,
    private readonly lease: { partition: number; token: string; processor: string },
  ) {}

  /** Reads what the holder before has left. @throws Unavailable */
  async begin(): Promise<void> {
    this.#suspect = await this.#read(SUSPECT)
    const [token, processor = '', eventId, revision] = this.#suspect?.split(' ') ?? []
    const noted = eventId !== undefined && token !== this.lease.token
    this.#victim = noted ? { eventId, revision: Number(revision), processor } : null
    const streak = await this.#read(STREAK)
    this.cautious = Number(streak ?? 0) >= PATIENCE
    const next = String(Number(streak ?? 0) + 1)
    if ((await this.#swap(STREAK, streak, next)) === streak) this.#streak = next
  }

  /** The holder that died over an event, as it is now; null: none. */
  culprit({ event, revision }: Delivery): string | null {
    const victim = this.#victim
    return victim?.eventId === event.id && victim.revision === revision ? victim.processor : null
  }

  /**
   * Notes which event is handled next. Answers false when the note is not what it was: another holder is at it, or
   * was, and then the next try succeeds. @throws Unavailable
   */
  async suspect({ event, revision }: Delivery): Promise<boolean> {
    const { token, processor } = this.lease
    const next = `${token} ${processor} ${event.id} ${revision}`
    const found = await this.#swap(SUSPECT, this.#suspect, next)
    const noted = found === this.#suspect || found === next
    this.#suspect = noted ? next : found
    return noted
  }

  /** Its handler has come back. */
  async acquit(): Promise<void> {
    if (this.#suspect === null) return
    await this.#swap(SUSPECT, this.#suspect, null)
    this.#suspect = null
  }

  /** What was found here is settled. */
  async end(): Promise<void> {
    this.cautious = false
    if (this.#streak === null) return
    await this.#swap(STREAK, this.#streak, null)
    this.#streak = null
  }

  #read(name: string): Promise<string | null> {
    return this.#swap(name, null, null)
  }

  /** Claims live beside the events that they are about: a partition's number is a placement in it. */
  #swap(name: string, from: string | null, to: string | null): Promise<string | null> {
    return this.engine.swap(this.lease.partition, { name, from, to })
  }
}
