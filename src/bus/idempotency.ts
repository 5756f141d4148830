import { createHmac } from 'node:crypto'
import type { Operation, Peppers } from '../domain/context.js'
import { newId, placementFor, timeOf } from '../domain/ids.js'
import type { Engine } from '../engines/engine.js'
import { KeypostError } from '../errors.js'

/**
 * However often a request is sent with one `Idempotency-Key`, it is carried out once and answered the same.
 * What is remembered of it is a claim, named by an HMAC of its scope that every process comes to, whatever its peppers,
 * in these states:
 *
 * - free → reserved: the first request writes down which operation it is about to carry out.
 * - reserved → shared: another process finds it, and cannot tell whether the first one is slow or dead. It
 *   carries out the same operation, which the engine does once, as all its ids are derived from its own.
 * - reserved, shared → answered: whoever is done first stores the answer; all of them give that one.
 * - reserved → free: the operation was refused, and nobody else may still be at it. A shared one stays as it
 *   is, and so does one of which nobody knows how it ended: the next request carries out that operation again.
 * - any → free: a day later, and before the engine forgets the operation.
 *
 * As every swap names the exact value, a late one never hits what is another's by now.
 */
interface Reservation {
  /** HMAC of what was sent, with a pepper, as keys are in it: something else under the same key is noticed. */
  content: string
  operationId: string
  shared?: true
  answer?: Answer
}

/** A success, as it is answered: `body` is JSON. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: unknown
}

/** HMACs of what was sent under each pepper; the first is written. */
type Contents = [string, ...string[]]

const HOUR_MS = 60 * 60 * 1000
const REMEMBERED_MS = 24 * HOUR_MS
/** Outlives the reservation by more than clocks are apart. */
const OPERATION_MS = 25 * HOUR_MS

export class Idempotency {
  /** By name of the claim: the last request in this process, which the next one waits for. */
  readonly #last = new Map<string, Promise<unknown>>()

  constructor(
    private readonly engine: Engine,
    private readonly peppers: Peppers,
  ) {}

  /**
   * Carries out the operation of `scope` (what the key is unique in, and the key), or answers what was answered
   * before. A `KeypostError` of `carryOut` says that it changed nothing and has ended.
   * @throws idempotency_mismatch, and what `carryOut` throws
   */
  once(
    scope: (string | null)[],
    content: unknown,
    carryOut: (operation: Operation) => Promise<Answer>,
  ): Promise<{ answer: Answer; replayed: boolean }> {
    const name = `idempotency:${hmac(this.engine.layout.placementKey, 'scope', scope)}`
    const contents = this.peppers.map((pepper) => hmac(pepper, 'content', content)) as Contents
    return this.#inTurn(name, async () => {
      const held = await this.#reserve(name, contents)
      const { operationId, shared, answer, content: sent } = parse(held)
      if (answer !== undefined) return { answer, replayed: true }
      try {
        // Under the pepper of whoever came first, so that all who carry it out make the same of it.
        const pepper = this.peppers[contents.indexOf(sent)]
        const operation = { id: operationId, ttlMs: OPERATION_MS, pepper }
        return await this.#finish(name, held, await carryOut(operation))
      } catch (error) {
        const refused = error instanceof KeypostError && !shared
        if (refused) await this.#swap(name, held, null).catch(() => {})
        throw error
      }
    })
  }

  /** Answers the claim's value: reserved for this request alone, shared, or answered. */
  async #reserve(name: string, contents: Contents): Promise<string> {
    for (;;) {
      const own = JSON.stringify({ content: contents[0], operationId: newId() } satisfies Reservation)
      const found = await this.#swap(name, null, own)
      if (found === null || found === own) return own
      const reservation = parse(found)
      if (!contents.includes(reservation.content)) throw mismatch()
      if (reservation.answer !== undefined || reservation.shared) return found
      const shared = JSON.stringify({ ...reservation, shared: true } satisfies Reservation)
      const before = await this.#swap(name, found, shared, ttlLeft(reservation))
      if (before === found || before === shared) return shared
    }
  }

  async #finish(name: string, held: string, answer: Answer): Promise<{ answer: Answer; replayed: boolean }> {
    const done = JSON.stringify({ ...parse(held), answer } satisfies Reservation)
    for (let from: string | null = held; ; ) {
      const found: string | null = await this.#swap(name, from, done)
      if (found === from || found === done) return { answer, replayed: false }
      const first = found === null ? undefined : parse(found).answer
      if (first !== undefined) return { answer: first, replayed: true }
      from = found // shared by now
    }
  }

  #swap(name: string, from: string | null, to: string | null, ttlMs = REMEMBERED_MS): Promise<string | null> {
    return this.engine.swap(placementFor(this.engine.layout.placementKey, name), { name, from, to, ttlMs })
  }

  /** One after the other for each name, in the order of the calls. */
  async #inTurn<T>(name: string, run: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(name) ?? Promise.resolve()).then(run)
    const ended = turn.catch(() => {})
    this.#last.set(name, ended)
    try {
      return await turn
    } finally {
      if (this.#last.get(name) === ended) this.#last.delete(name)
    }
  }
}

const hmac = (key: string, of: string, value: unknown): string =>
  createHmac('sha256', key)
    .update(`idempotency ${of} ${canonical(value)}`)
    .digest('hex')

const parse = (value: string): Reservation => JSON.parse(value)

/** Until the reservation ends: sharing it must not prolong it beyond its operation. */
const ttlLeft = ({ operationId }: Reservation): number =>
  Math.max(1, Date.parse(timeOf(operationId)) + REMEMBERED_MS - Date.now())

/** JSON with the names of each object in order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

const mismatch = (): KeypostError =>
  new KeypostError('idempotency_mismatch', 'Another request was sent with this key.', [
    { in: 'header', pointer: '/idempotency-key', message: 'belongs to a request with another body' },
  ])
