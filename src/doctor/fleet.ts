import type { Config } from '../config.js'
import type { Fleet } from '../engines/engine.js'
import { type Check, ok, warning } from './check.js'

/** Who handles events, and which partitions nobody does. `now`: by the clock of this machine. */
export function checkFleet({ leases, processors }: Fleet, { LEASE_MS }: Config, now: number): Check[] {
  // One that lives announces itself several times a lease; clocks may differ by another.
  const living = processors.filter(
    ({ beat, lastPollAt }) => beat > 0 && lastPollAt !== null && now - Date.parse(lastPollAt) <= 2 * LEASE_MS,
  )
  if (living.length === 0)
    return [warning('processors', 'none handles events', 'run `keypost serve` or `keypost process`')]
  const ids = new Set(living.map(({ id }) => id))
  const orphans = leases.flatMap((lease, partition) =>
    lease === null || !ids.has(lease.processor) ? [partition] : [],
  )
  const shares = living.map(({ id }) => {
    const held = leases.filter((lease) => lease?.processor === id).length
    return `${id} holds ${held}`
  })
  return [
    ok('processors', `${living.length}: ${shares.join(', ')} of ${leases.length} partitions`),
    orphans.length === 0
      ? ok('leases', 'every partition has a holder')
      : warning(
          'leases',
          `nobody holds partition ${orphans.join(', ')}`,
          `run this again after LEASE_MS (${LEASE_MS} ms): by then a processor should have taken them`,
        ),
  ]
}

/** By then each of its attempts has been made and waited for. */
const patience = (config: Config): number =>
  config.MAX_ATTEMPTS * (config.RETRY_CAP_MS + config.HANDLER_TIMEOUT_MS)

export function checkOldest(oldestUnfinishedAt: string | null, config: Config, now: number): Check {
  const name = 'backlog'
  if (oldestUnfinishedAt === null) return ok(name, 'every event is finished')
  const seconds = Math.max(0, Math.round((now - Date.parse(oldestUnfinishedAt)) / 1000))
  const detail = `the oldest unfinished event is ${seconds} s old, of ${oldestUnfinishedAt}`
  return seconds * 1000 <= patience(config)
    ? ok(name, detail)
    : warning(name, detail, 'more than all of its attempts can take: add processors, or see their logs')
}
