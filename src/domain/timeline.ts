import type { KeypostEvent } from '../schemas/event.js'
import type { Result } from '../schemas/result.js'
import type { Moment } from '../schemas/timeline.js'
import type { HistoryEntry } from './history.js'

/** What a timeline is made of. */
interface Known {
  event: KeypostEvent
  history: readonly HistoryEntry[]
  ended: { result: Result; delivered: { at: string; processor: string } } | null
}

/**
 * What happened to an event, in the order in which one thing led to the next. That is the order of time as well,
 * as far as the clocks of those who handled it agree.
 */
export function timelineOf({ event, history, ended }: Known): Moment[] {
  const moments: Moment[] = [{ at: event.time, what: 'published' }]
  let attempt = 1
  for (const entry of history) {
    if (entry.what !== 'failed') {
      moments.push({ at: entry.was.at, what: entry.was.status }, { at: entry.at, what: entry.what })
      attempt = 1
      continue
    }
    const { at, startedAt, processor, error, retryAt } = entry
    moments.push({ at: startedAt, what: 'delivered', attempt, processor })
    moments.push({ at, what: 'failed', attempt, processor, error })
    attempt++
    if (retryAt !== null) moments.push({ at: retryAt, what: 'retry', attempt })
  }
  if (ended === null) return moments
  const { result, delivered } = ended
  // The attempt that a dead event died of is in its history.
  if (result.status === 'processed') moments.push({ ...delivered, what: 'delivered', attempt })
  moments.push({ at: result.finishedAt, what: result.status })
  return moments
}
