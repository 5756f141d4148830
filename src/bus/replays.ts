import { performance } from 'node:perf_hooks'
import { setTimeout as pauseFor } from 'node:timers/promises'
import type { Operation } from '../domain/context.js'
import { type Engine, RESULTS_TOPIC } from '../engines/engine.js'
import { KeypostError } from '../errors.js'
import type { Replay, ReplayInput } from '../schemas/replay.js'
import { bySubject, Reopener } from './reopener.js'
import { ReplayStore, type Stored } from './replay-store.js'
import { type BusSettings, type Log, PAUSE_MS, why } from './settings.js'

/** How soon a replay begins at the latest, in milliseconds. */
const POLL_MS = 1000
/** So much can be in hand when a replay is cancelled, or its process is killed. */
const MAX_PAGE = 200
/** A replay that comes back after a longer outage may replay the events of its last page once more. */
const OPERATION_TTL_MS = 24 * 60 * 60 * 1000

/** What requests do with replays. */
export class Replays {
  readonly #store: ReplayStore

  constructor(engine: Pick<Engine, 'commit' | 'swap' | 'layout'>) {
    this.#store = new ReplayStore(engine)
  }

  /** @throws invalid_request */
  async create(input: ReplayInput, operation: Operation): Promise<Replay> {
    const now = Date.now()
    const since = Date.parse(input.since)
    const until = Math.min(now, input.until === undefined ? now : Date.parse(input.until))
    if (input.topic === RESULTS_TOPIC) throw invalid('/topic', 'must be a topic whose events are handled')
    if (since >= until) throw invalid('/since', 'must be before until, and before now')
    const replay = await this.#store.create(
      {
        id: operation.id,
        topic: input.topic,
        types: input.types ?? null,
        since: rfc3339(since),
        until: rfc3339(until),
        status: 'running',
        found: 0,
        replayed: 0,
        skipped: 0,
        createdAt: rfc3339(now),
        finishedAt: null,
        cursor: null,
        pages: 0,
      },
      operation,
    )
    return shown(replay)
  }

  /** @throws not_found */
  async read(id: string): Promise<Replay> {
    return shown(await this.#store.read(id))
  }

  /** Newest first: all that run, and those that ended last. */
  async list(): Promise<Replay[]> {
    return (await this.#store.list()).map(shown)
  }

  /** What was handed out stays so. One that ended stays as it is. @throws not_found */
  async cancel(id: string): Promise<Replay> {
    const finishedAt = rfc3339(Date.now())
    const replay = await this.#store.update(id, (now) =>
      now.status === 'running' ? { ...now, status: 'cancelled', finishedAt } : null,
    )
    return shown(replay)
  }
}

const rfc3339 = (ms: number): string => new Date(ms).toISOString()

const invalid = (pointer: string, message: string) =>
  new KeypostError('invalid_request', 'Nothing can be replayed so.', [{ in: 'body', pointer, message }])

function shown(replay: Stored | null): Replay {
  if (replay === null) throw new KeypostError('not_found', 'There is no replay with this id.')
  const { cursor, pages, ...rest } = replay
  return rest
}

export interface ReplayerParts {
  engine: Engine
  settings: Pick<BusSettings, 'replayRate'>
  log: Log
  /** Waits so many milliseconds, or until the signal aborts. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * Runs replays, those of a partition where that partition is held: page by page in turns, each page in these steps.
 *
 * 1. Read the replay; it may have been cancelled.
 * 2. Read the next page of events, and reopen each by an operation id made of the replay's and the event's.
 * 3. Add the page to the replay's counts and move its cursor, unless somebody did so for this page.
 *
 * Nothing is remembered between pages, so whoever takes over goes on where the last page ended. Events of a page
 * that was left half-way are recognised by their operation ids: none is replayed twice, and all are counted.
 */
export class Replayer {
  readonly #store: ReplayStore
  readonly #reopener: Reopener
  readonly #pause: NonNullable<ReplayerParts['pause']>

  constructor(private readonly parts: ReplayerParts) {
    this.#store = new ReplayStore(parts.engine)
    this.#reopener = new Reopener(parts.engine)
    this.#pause = parts.pause ?? pauseUnless
  }

  /** Runs the replays of a partition until `signal` aborts; ends with the page in hand. */
  async start(partition: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let moved = false
      for (const id of await this.#try(signal, [], () => this.#store.running(partition)))
        if (!signal.aborted) moved = (await this.#try(signal, false, () => this.#page(id, signal))) || moved
      if (!moved) await this.#pause(POLL_MS, signal)
    }
  }

  /** Whether there was a page to do. */
  async #page(id: string, signal: AbortSignal): Promise<boolean> {
    const { engine, settings } = this.parts
    const replay = await this.#store.read(id)
    if (replay?.status !== 'running') return false
    const started = performance.now()
    const { topic, types, since, until } = replay
    const { items, nextCursor } = await engine.list('events', {
      topic,
      type: types?.length === 1 ? types[0] : undefined,
      since,
      until,
      order: 'asc',
      limit: Math.min(MAX_PAGE, settings.replayRate),
      cursor: replay.cursor ?? undefined,
    })
    const found = items.filter(({ type }) => types === null || types.includes(type))
    const reopened = await bySubject(found, (event) =>
      this.#reopener.reopen('replay', event.id, { id: `${id}/${event.id}`, ttlMs: OPERATION_TTL_MS }),
    )
    const replayed = reopened.filter((done) => done).length
    await this.#store.update(id, (now) => {
      if (now.pages !== replay.pages) return null
      const next = {
        ...now,
        found: now.found + found.length,
        replayed: now.replayed + replayed,
        skipped: now.skipped + found.length - replayed,
        cursor: nextCursor,
        pages: now.pages + 1,
      }
      // One that was cancelled meanwhile still counts what was in hand.
      if (nextCursor !== null || now.status !== 'running') return next
      return { ...next, status: 'done', finishedAt: rfc3339(Date.now()) }
    })
    const restMs = (replayed * 1000) / settings.replayRate - (performance.now() - started)
    if (restMs > 0) await this.#pause(restMs, signal)
    return true
  }

  /** An error waits, and does not end the others. */
  async #try<T>(signal: AbortSignal, otherwise: T, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      this.parts.log.warn(why(error), 'replaying failed; trying again')
      await this.#pause(PAUSE_MS, signal)
      return otherwise
    }
  }
}

const pauseUnless = (ms: number, signal: AbortSignal): Promise<void> =>
  pauseFor(ms, undefined, { signal }).catch(() => {})
