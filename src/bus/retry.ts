import type { BusSettings } from './settings.js'

/**
 * How long to wait after the nth failure, in milliseconds: exponential backoff with full jitter, so that events
 * that failed together do not come back together.
 */
export function retryDelay(
  failures: number,
  { retryBaseMs, retryCapMs }: Pick<BusSettings, 'retryBaseMs' | 'retryCapMs'>,
  random: () => number = Math.random,
): number {
  return Math.floor(random() * Math.min(retryCapMs, retryBaseMs * 2 ** (failures - 1)))
}
