import { failuresIn, type HistoryEntry } from '../domain/history.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { Result } from '../schemas/result.js'
import type { Delivery, NewEvent, NewResult, Past } from './engine.js'
import { msOf, type Position, timeAt } from './positions.js'

/** How both engines keep records and events: what is stored as text, and what is made of it on reading. */

/**
 * The claim that a deleted record leaves, with the value `deleted`: its id stays taken until nobody sends its
 * creation again, an `Idempotency-Key` being remembered for a day.
 */
export const goneClaim = (id: string): string => `gone:${id}`
export const GONE = 'deleted'
export const GONE_TTL_MS = 25 * 60 * 60 * 1000

/** A record as it is stored: its version, which is compared, a space, and its JSON. */
export const withVersion = (record: { version: number }): string =>
  `${record.version} ${JSON.stringify(record)}`

export const versionIn = (stored: string): number => Number.parseInt(stored, 10)

export const recordIn = <T>(stored: string | undefined): T | null =>
  stored === undefined ? null : (JSON.parse(stored.slice(stored.indexOf(' ') + 1)) as T)

/** An event of the log, whose time is its position's. */
export const eventIn = (at: Position, json: string): KeypostEvent => ({
  ...(JSON.parse(json) as NewEvent),
  time: timeAt(at),
})

type StoredAnnouncement = NewEvent & { data: NewResult['body'] }

/** An announcement; it and the result that it holds finished at its position's time. */
export function announcementIn(at: Position, event: StoredAnnouncement): KeypostEvent & { data: Result } {
  const time = timeAt(at)
  const latencyMs = Math.max(0, msOf(at) - Date.parse(event.data.publishedAt))
  return { ...event, time, data: { ...event.data, finishedAt: time, latencyMs } }
}

/** So many entries of a history are kept: more than there can be attempts. */
const MAX_HISTORY = 300

/** A history as it is stored: its revision, which is compared, a space, and its entries as JSON. */
export const pastIn = (stored: string | null | undefined): Past => {
  if (!stored) return { history: [], revision: 0 }
  const space = stored.indexOf(' ')
  return { history: JSON.parse(stored.slice(space + 1)), revision: Number(stored.slice(0, space)) }
}

/** The same with one more entry. */
export const withEntry = ({ history, revision }: Past, entry: HistoryEntry): string =>
  `${revision + 1} ${JSON.stringify([...history, entry].slice(-MAX_HISTORY))}`

/** Under which counter an unfinished event is: retrying from its first failure until its result. */
export const stateOf = ({ history }: Delivery): 'pending' | 'retrying' =>
  failuresIn(history).length === 0 ? 'pending' : 'retrying'
