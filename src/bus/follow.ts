import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { type Engine, type Missed, RESULTS_TOPIC } from '../engines/engine.js'
import { Unavailable } from '../engines/errors.js'
import type { KeypostEvent } from '../schemas/event.js'
import { Bell } from './bell.js'
import { PAUSE_MS } from './settings.js'

/** Events that are held in memory at most. */
const PAGE = 100
/** A wake-up can be lost, so they are looked for now and then anyway. */
export const POLL_MS = 1000
/** Every event wakes, so looks that find nothing time and again are kept apart. */
export const QUIET_MS = 10
/** How often a reader for whom there is nothing hears where it stands by now. */
const PLACE_MS = 15_000

/** Which events: of every topic and type, unless it says of which. */
export interface Filter {
  topic?: string
  type?: string
}

/** An event, and where to go on after it. */
export interface Read {
  event: KeypostEvent
  cursor: string
}

/** Some events, and where to go on. */
interface EventPage {
  items: Read[]
  cursor: string
  missed: Missed | null
  /** There were no more. */
  atEnd: boolean
}

/**
 * The events that fit a filter after a cursor (null: all that are kept), in publish order within each partition, for
 * as long as nobody aborts. Outages are waited out. `onPlace` is told where to go on when something was missed, and
 * now and then while nothing comes: a place that stays behind would one day be where events were swept.
 * @throws BadCursor
 */
export async function* read(
  engine: Engine,
  filter: Filter,
  from: string | null,
  signal: AbortSignal,
  onPlace: (cursor: string, missed: Missed | null) => void = () => {},
): AsyncGenerator<Read, void, undefined> {
  const bell = new Bell()
  const unwatch = engine.watch((_, what) => {
    if (filter.topic === undefined || (filter.topic === RESULTS_TOPIC) === (what === 'results')) bell.ring()
  })
  let cursor = from
  let isInVain = false
  let toldAt = performance.now()
  try {
    while (!signal.aborted) {
      bell.silence()
      const lookedAt = performance.now()
      const page = await pageAfter(engine, filter, cursor)
      for (const item of page?.items ?? []) {
        if (signal.aborted) return
        yield item
        toldAt = performance.now()
      }
      cursor = page?.cursor ?? cursor
      if (page !== null && page.items.length > 0) isInVain = false
      if (page === null) await sleep(PAUSE_MS, signal)
      else if (page.missed !== null) onPlace(page.cursor, page.missed)
      else if (page.atEnd && page.items.length === 0) {
        if (performance.now() - toldAt > PLACE_MS) {
          onPlace(page.cursor, null)
          toldAt = performance.now()
        }
        await bell.heard(POLL_MS, signal)
        const early = QUIET_MS - (performance.now() - lookedAt)
        if (isInVain && early > 0) await sleep(early, signal)
        isInVain = true
      }
    }
  } finally {
    unwatch()
  }
}

/** Where these events end by now; null: nobody wants to know any more. */
export async function endOf(engine: Engine, filter: Filter, signal: AbortSignal): Promise<string | null> {
  while (!signal.aborted) {
    const page = await throughOutage(() =>
      engine.list('events', { ...filter, order: 'asc', follow: 'new', limit: 1 }),
    )
    if (page !== null) return page.nextCursor
    await sleep(PAUSE_MS, signal)
  }
  return null
}

/** The page after a cursor (null: all that are kept); null: the infrastructure failed. */
export async function pageAfter(
  engine: Engine,
  filter: Filter,
  cursor: string | null,
): Promise<EventPage | null> {
  const page = await throughOutage(() =>
    engine.list('events', {
      ...filter,
      order: 'asc',
      follow: 'all',
      limit: PAGE,
      ...(cursor !== null && { cursor }),
    }),
  )
  if (page === null) return null
  const items = page.items.flatMap((event, i) => {
    const cursor = page.cursors?.[i]
    return cursor === undefined ? [] : [{ event, cursor }]
  })
  return { items, cursor: page.nextCursor ?? '', missed: page.missed ?? null, atEnd: page.atEnd === true }
}

/** null: the infrastructure failed, so it is worth trying again. */
export async function throughOutage<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof Unavailable) return null
    throw error
  }
}

/** Ends early when somebody aborts. */
export const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  pause(ms, undefined, { signal }).catch(() => {})
