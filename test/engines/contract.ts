import type { Test } from 'tap'
import { claims } from './contract/claims.js'
import { commits } from './contract/commits.js'
import type { Place } from './contract/fixtures.js'
import { following } from './contract/following.js'
import { leases } from './contract/leases.js'
import { lists } from './contract/lists.js'
import { operations } from './contract/operations.js'
import { paging } from './contract/paging.js'
import { random } from './contract/random.js'
import { randomRetention } from './contract/random-retention.js'
import { reopening } from './contract/reopening.js'
import { reopenings } from './contract/reopenings.js'
import { retries } from './contract/retries.js'
import { settlements } from './contract/settlements.js'
import { shared } from './contract/shared.js'
import { sweeps } from './contract/sweeps.js'
import { traces } from './contract/traces.js'
import { watermarks } from './contract/watermarks.js'

export type { Open, Place } from './contract/fixtures.js'

/** What every engine promises, through the port alone. Each test has data of its own. */
export function contract(t: Test, name: string, place: Place): void {
  const suites = {
    commits,
    operations,
    claims,
    settlements,
    retries,
    watermarks,
    random,
    leases,
    lists,
    paging,
    following,
    traces,
    reopenings,
    sweeps,
    randomRetention,
    reopening,
    shared,
  }
  for (const [group, suite] of Object.entries(suites))
    t.test(`${name}: ${group}`, async (t) => suite(t, place))
}
