import { newId, placementOf } from '../domain/ids.js'
import type { Delivery, Settlement } from '../engines/engine.js'
import type { HandlerError, ResultStatus } from '../schemas/result.js'
import type { Attempt } from './attempt.js'
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
    return { delivery, failures: delivery.failures, ...done(delivery, run, by.handler, run.handled) }
  }
  const { error } = run
  const failures = [...delivery.failures, { at: new Date().toISOString(), processor: by.processor, error }]
  return failures.length < by.settings.maxAttempts
    ? { delivery, failures, how: 'retry', delayMs: retryDelay(failures.length, by.settings) }
    : { delivery, failures, ...done(delivery, run, by.handler, error) }
}

function done(
  { event, failures }: Delivery,
  { durationMs }: Attempt,
  handler: string,
  ended: Handled | HandlerError,
): Pick<Extract<Settlement, { how: 'done' }>, 'how' | 'result' | 'change'> {
  const processed = 'outcome' in ended
  const status: ResultStatus = processed ? 'processed' : 'dead'
  return {
    how: 'done',
    result: {
      announcement: { id: newId(placementOf(event.id)), source: event.source },
      body: {
        id: event.id,
        topic: event.topic,
        type: event.type,
        subject: event.subject ?? null,
        status,
        handler,
        attempts: failures.length + 1,
        outcome: processed ? ended.outcome : null,
        error: processed ? null : ended,
        publishedAt: event.time,
        durationMs,
      },
    },
    ...(processed && ended.change !== undefined ? { change: ended.change } : {}),
  }
}
