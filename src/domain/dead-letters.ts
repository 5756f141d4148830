import type { DeadLetter } from '../schemas/dead-letter.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { HandlerError, Result } from '../schemas/result.js'
import { failuresIn, type HistoryEntry } from './history.js'

export type DeadResult = Result & { error: HandlerError }

export const isDead = (result: Result): result is DeadResult => result.error !== null

/** A dead letter, from its result and what else is known of the event: of one that was lost, nothing. */
export function deadLetterOf(
  { id, topic, type, subject, error, handler, publishedAt, finishedAt }: DeadResult,
  known: { event: KeypostEvent; history: readonly HistoryEntry[] } | null,
): DeadLetter {
  const history = known?.history ?? []
  return {
    id,
    topic,
    type,
    subject,
    error,
    handler,
    attempts: failuresIn(history).map(({ at, processor, error }) => ({ at, processor, error })),
    publishedAt,
    diedAt: finishedAt,
    redrives: history.filter(({ what }) => what === 'redriven').length,
    event: known?.event ?? null,
  }
}
