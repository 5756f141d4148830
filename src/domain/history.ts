import type { HandlerError, ResultStatus } from '../schemas/result.js'

/** What is remembered of an event between its publication and its result, oldest first. Times are RFC 3339. */
export type HistoryEntry = Failed | Reopened

/** An attempt that failed. */
export interface Failed {
  what: 'failed'
  at: string
  startedAt: string
  processor: string
  error: HandlerError
  /** When it is tried again; null: it was the last attempt. */
  retryAt: string | null
}

/** The event had a result, and was handed to its handler again. */
export interface Reopened {
  what: 'redriven' | 'replayed'
  at: string
  /** The result until then: the id of the event that announced it, how it ended and when. */
  replaced: string
  was: { status: ResultStatus; at: string }
}

/** The last time that the event was reopened. */
export const reopenedIn = (history: readonly HistoryEntry[]): Reopened | null =>
  history.findLast((entry) => entry.what !== 'failed') ?? null

/** The attempts that failed since the event was published or last reopened. */
export const failuresIn = (history: readonly HistoryEntry[]): Failed[] =>
  history
    .slice(history.findLastIndex(({ what }) => what !== 'failed') + 1)
    .filter((entry): entry is Failed => entry.what === 'failed')
