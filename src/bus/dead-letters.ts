import type { Operation } from '../domain/context.js'
import { deadLetterOf, isDead } from '../domain/dead-letters.js'
import type { Engine, EventQuery, Paging } from '../engines/engine.js'
import { KeypostError } from '../errors.js'
import type { Page } from '../schemas/common.js'
import type { DeadLetter, Redrive, Redriven, RedriveReport } from '../schemas/dead-letter.js'
import type { Result } from '../schemas/result.js'
import { bySubject, fits, Reopener } from './reopener.js'
import { LOST } from './settlement.js'

/** One request does at most so much, or its client could not wait for it. */
const MAX_REDRIVEN = 10_000
const PAGE = 200

/** Events that are dead and were not discarded: to be read, to be handled again, to be put aside. */
export class DeadLetters {
  readonly #reopener: Reopener

  constructor(private readonly engine: Pick<Engine, 'get' | 'list' | 'reopen' | 'swap'>) {
    this.#reopener = new Reopener(engine)
  }

  /** By the time of death, newest first unless `order` is `asc`. @throws BadCursor */
  async list(query: EventQuery & Paging): Promise<Page<DeadLetter>> {
    const { items, nextCursor } = await this.engine.list('results', { ...query, ...DEAD })
    const letters = await Promise.all(items.map(({ id }) => this.#find(id)))
    // Some may have been redriven meanwhile.
    return { items: letters.filter((letter) => letter !== null), nextCursor }
  }

  /** @throws not_found */
  async read(id: string): Promise<DeadLetter> {
    const letter = await this.#find(id)
    if (letter === null) throw new KeypostError('not_found', 'There is no dead letter with this id.')
    return letter
  }

  /** @throws not_found, not_dead, event_lost, conflict */
  async redrive(id: string, operation: Operation): Promise<Redriven> {
    const done = await this.#reopener.reopen('redrive', id, operation)
    const trace = await this.engine.get('traces', id)
    const redriven = trace?.history.findLast(({ what }) => what === 'redriven')
    if (!done || trace === null || redriven === undefined) throw await this.#refusal(id)
    const { topic, type, subject = null } = trace.event
    return { id, topic, type, subject, redrivenAt: redriven.at }
  }

  /**
   * Redrives what matches, oldest first, each at most once by one operation, even if it dies again while this
   * runs. With `dryRun` only counts.
   */
  async redriveAll({ dryRun = false, ...filters }: Redrive, operation: Operation): Promise<RedriveReport> {
    const seen = new Set<string>()
    let redriven = 0
    let cursor: string | null | undefined
    while (cursor !== null && seen.size < MAX_REDRIVEN) {
      const limit = Math.min(PAGE, MAX_REDRIVEN - seen.size)
      const page = await this.engine.list('results', { ...filters, ...DEAD, order: 'asc', limit, cursor })
      const found = page.items.filter(({ id }) => !seen.has(id))
      for (const { id } of found) seen.add(id)
      if (!dryRun) redriven += await this.#redriveEach(found, operation)
      cursor = page.nextCursor
    }
    return { dryRun, matched: seen.size, redriven, more: cursor !== null }
  }

  /** It stays counted as dead, and its result stays. @throws not_found, event_lost, conflict */
  async discard(id: string, operation: Operation): Promise<void> {
    if (await this.#reopener.reopen('discard', id, operation)) return
    const refusal = await this.#refusal(id)
    if (refusal.code !== 'not_dead') throw refusal
    throw new KeypostError('not_found', 'There is no dead letter with this id.')
  }

  async #redriveEach(results: Result[], { id: operationId, ttlMs }: Operation): Promise<number> {
    const redrive = ({ id }: Result) =>
      this.#reopener.reopen('redrive', id, { id: `${operationId}/${id}`, ttlMs })
    return (await bySubject(results, redrive)).filter((done) => done).length
  }

  async #find(id: string): Promise<DeadLetter | null> {
    const trace = await this.engine.get('traces', id)
    const result = trace === null ? await this.#lost(id) : trace.ended?.result
    if (!result || !isDead(result) || trace?.ended?.discarded) return null
    return deadLetterOf(result, trace)
  }

  /** The result of an event that somebody took out of the log before it was handled. */
  async #lost(id: string): Promise<Result | null> {
    const result = await this.engine.get('results', id)
    return result?.error?.code === LOST ? result : null
  }

  /** Why an event could not be reopened. */
  async #refusal(id: string): Promise<KeypostError> {
    const trace = await this.engine.get('traces', id)
    if (fits('redrive', trace)) return new KeypostError('conflict', 'Others kept changing it. Send it again.')
    if (trace === null) {
      if (await this.#lost(id)) return new KeypostError('event_lost', 'There is nothing left to handle.')
      if ((await this.engine.get('results', id)) === null)
        return new KeypostError('not_found', 'There is no event with this id that could be dead.')
    }
    return new KeypostError('not_dead', 'The event is being handled, was processed, or was discarded.')
  }
}

const DEAD = { status: 'dead', discarded: false } as const
