import { performance } from 'node:perf_hooks'
import { Conflict, Unavailable } from '../engines/errors.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { HandlerError } from '../schemas/result.js'
import type { Handled, Handler, HandlerContext } from './handler.js'

/**
 * How one run of a handler ended. `interrupted`: not by its own doing (the infrastructure failed, others kept
 * changing what it changes, or the partition was lost), so it does not count as an attempt.
 */
export type Attempt = { durationMs: number } & (
  | { end: 'handled'; handled: Handled }
  | { end: 'failed'; error: HandlerError }
  | { end: 'interrupted'; why: string }
)

/** Messages end up in results and logs: no handler may fill them. */
const MAX_MESSAGE = 500

const FAILED = 'handler_failed'

class Timeout extends Error {}

/** Runs a handler once, for at most `timeoutMs`; `interrupt` ends it early. */
export async function attempt(
  handle: Handler['handle'],
  event: KeypostEvent,
  context: Omit<HandlerContext, 'signal'>,
  timeoutMs: number,
  interrupt: AbortSignal,
): Promise<Attempt> {
  const started = performance.now()
  const controller = new AbortController()
  const { signal } = controller
  const timer = setTimeout(
    () => controller.abort(new Timeout(`the handler took longer than ${timeoutMs} ms`)),
    timeoutMs,
  )
  const onInterrupt = () => controller.abort(new Unavailable('the partition is being given up'))
  interrupt.addEventListener('abort', onInterrupt, { once: true })
  const durationMs = () => Math.round((performance.now() - started) * 1000) / 1000
  try {
    const handled = await Promise.race([handle(event, { ...context, signal }), rejectedOn(signal)])
    assertStorable(handled)
    return { end: 'handled', handled, durationMs: durationMs() }
  } catch (error) {
    if (signal.aborted && signal.reason instanceof Timeout) {
      return {
        end: 'failed',
        error: { code: 'timeout', message: signal.reason.message },
        durationMs: durationMs(),
      }
    }
    if (error instanceof Unavailable || error instanceof Conflict) {
      return { end: 'interrupted', why: error.message, durationMs: durationMs() }
    }
    return { end: 'failed', error: describe(error), durationMs: durationMs() }
  } finally {
    clearTimeout(timer)
    interrupt.removeEventListener('abort', onInterrupt)
  }
}

/** What cannot be stored is the failure of its handler alone: later it would hold up all that settles with it. */
function assertStorable(handled: Handled | undefined): void {
  if (typeof handled?.outcome?.code !== 'string') throw new TypeError('the handler returned no outcome')
  JSON.stringify(handled.outcome)
}

const rejectedOn = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

/** Anything can be thrown, also what throws again when it is looked at. */
function describe(error: unknown): HandlerError {
  try {
    const message = String(error instanceof Error ? error.message : error)
    const code =
      error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : FAILED
    return { code: code.slice(0, 100), message: message.slice(0, MAX_MESSAGE) }
  } catch {
    return { code: FAILED, message: 'the handler threw what cannot be shown' }
  }
}
