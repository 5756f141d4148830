import type { Config } from '../config.js'
import { Unavailable } from '../engines/errors.js'

/** What can be set about how events are handled; milliseconds where it says so. */
export interface BusSettings {
  /** A processor that was silent for so long loses its partitions. */
  leaseMs: number
  maxAttempts: number
  retryBaseMs: number
  retryCapMs: number
  handlerTimeoutMs: number
  /** Handlers that run side by side in one process. */
  concurrency: number
  /** How long settled events and results are kept. */
  eventTtlMs: number
  resultTtlMs: number
  /** Events that a replay hands out, a second. */
  replayRate: number
  /** How long a stop waits for handlers that run. */
  drainMs: number
}

export const settingsOf = (config: Config): BusSettings => ({
  leaseMs: config.LEASE_MS,
  maxAttempts: config.MAX_ATTEMPTS,
  retryBaseMs: config.RETRY_BASE_MS,
  retryCapMs: config.RETRY_CAP_MS,
  handlerTimeoutMs: config.HANDLER_TIMEOUT_MS,
  concurrency: config.CONCURRENCY,
  eventTtlMs: config.EVENT_TTL_MS,
  resultTtlMs: config.RESULT_TTL_MS,
  replayRate: config.REPLAY_RATE,
  // The rest is for connections and files.
  drainMs: 0.75 * config.SHUTDOWN_MS,
})

/** Between tries while the infrastructure fails, in milliseconds. */
export const PAUSE_MS = 250

/** The part of a pino logger that the bus writes to. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** An outage is told in one line; only what nobody expected needs its stack. */
export const why = (error: unknown): object =>
  error instanceof Unavailable ? { why: error.message } : { err: error }
