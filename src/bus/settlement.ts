import { failuresIn, type HistoryEntry, reopenedIn } from '../domain/history.js'
import { newId, placementOf } from '../domain/ids.js'
import type { Delivery, Settlement } from '../engines/engine.js'
import type { HandlerError, ResultStatus } from '../schemas/result.js'
import type { Attempt } from './attempt.js'
import { CRASHED, crashesOf, MAX_CRASHES } from './crashes.js'
import type { Handled } from './handler.js'
import { retryDelay } from './retry.js'
import type { BusSettings } from './settings.js'

/**
 * How a delivery ends. An attempt that was handled makes the event processed; one that failed is tried again
 * later, or, if it was the last, makes the event dead.
 */
export function settlementOf(
  delivery: Delivery,
  run: Exclude<Attempt, { end: 'interrupted' }>,
  by: { handler: string; processor: string; settings: BusSettings },
): Settlement {
  if (run.end === 'handled') {
    return { delivery, entry: null, ...done(delivery, run, by, run.handled) }
  }
  const { error } = run
  const failures = failuresIn(delivery.history).length + 1
  const now = Date.now()
  const failed = (retryAt: number | null): HistoryEntry => ({
    what: 'failed',
    at: rfc3339(now),
    startedAt: rfc3339(now - run.durationMs),
    processor: by.processor,
    error,
    retryAt: retryAt === null ? null : rfc3339(retryAt),
  })
  if (failures >= by.settings.maxAttempts || isFinal(delivery, error))
    return { delivery, entry: failed(null), ...done(delivery, run, by, error) }
  const delayMs = retryDelay(failures, by.settings)
  return { delivery, entry: failed(now + delayMs), how: 'retry', delayMs }
}

/** What another attempt cannot mend. */
function isFinal(delivery: Delivery, { code }: HandlerError): boolean {
  return code === LOST || (code === CRASHED && crashesOf(delivery) + 1 >= MAX_CRASHES)
}

/** The code of an event that was taken out of the log before it was handled. */
export const LOST = 'event_lost'

const rfc3339 = (ms: number) => new Date(ms).toISOString()

function done(
  { event, history }: Delivery,
  { durationMs }: Attempt,
  by: { handler: string; processor: string },
  ended: Handled | HandlerError,
): Pick<Extract<Settlement, { how: 'done' }>, 'how' | 'result' | 'change'> {
  const processed = 'outcome' in ended
  const status: ResultStatus = processed ? 'processed' : 'dead'
  return {
    how: 'done',
    result: {
      announcement: { id: newId(placementOf(event.id)), source: event.source },
      delivered: { at: rfc3339(Date.now() - durationMs), processor: by.processor },
      body: {
        id: event.id,
        topic: event.topic,
        type: event.type,
        subject: event.subject ?? null,
        status,
        handler: by.handler,
        attempts: failuresIn(history).length + 1,
        outcome: processed ? ended.outcome : null,
        error: processed ? null : ended,
        publishedAt: event.time,
        replaces: reopenedIn(history)?.replaced ?? null,
        durationMs,
      },
    },
    ...(processed && ended.change !== undefined ? { change: ended.change } : {}),
  }
}
