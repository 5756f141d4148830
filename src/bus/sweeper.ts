import { setTimeout as pause } from 'node:timers/promises'
import type { Delivery, Engine } from '../engines/engine.js'
import { position } from '../engines/positions.js'
import { type BusSettings, type Log, why } from './settings.js'

/** One step of a sweep is one atomic step of the engine, and keeps others waiting. */
const LIMIT = 128

interface Findings {
  /** An event that somebody else has taken out of the log. Resolves when it is settled. */
  onLost(delivery: Delivery): Promise<void>
  /** Unfinished events lie where nobody looks for them. */
  onStray(): void
}

/** Keeps a partition from growing without bound, until `signal` aborts: once a lease time, and as long as there is something to take away. */
export async function sweep(
  engine: Pick<Engine, 'sweep'>,
  partition: number,
  settings: Pick<BusSettings, 'leaseMs' | 'eventTtlMs' | 'resultTtlMs'>,
  findings: Findings,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const now = Date.now()
      const swept = await engine.sweep(partition, {
        eventsBefore: position(now - settings.eventTtlMs, 0),
        resultsBefore: position(now - settings.resultTtlMs, 0),
        limit: LIMIT,
      })
      for (const delivery of swept.lost) await findings.onLost(delivery)
      if (swept.stray) findings.onStray()
      if (swept.more) continue
    } catch (error) {
      log.warn({ partition, ...why(error) }, 'sweeping failed; trying again')
    }
    await pause(settings.leaseMs, undefined, { signal }).catch(() => {})
  }
}
