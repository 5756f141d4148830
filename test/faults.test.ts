import { fileURLToPath } from 'node:url'
import t from 'tap'
import { faultsOf } from './faults/faults.js'
import { lacking } from './faults/machine.js'
import { Random, seed } from './faults/random.js'
import type { EngineName, Setting } from './faults/rig.js'
import { round } from './faults/round.js'
import { redisInstalled } from './redis-server.js'

const DIST = process.env.FAULTS_DIST ?? fileURLToPath(new URL('../dist', import.meta.url))
const PACE = { connections: 8, rate: 100, changes: 0.4, failing: 0.15, before: 60 }
const random = new Random(seed())

/** Every fault of an engine once; which writes meet it is up to the seed. */
async function everyFault(engine: EngineName, setting: Setting): Promise<void> {
  const faults = random.shuffled(faultsOf(engine, setting))
  const missing = setting === 'disk' || setting === 'clock' ? lacking(setting) : null
  if (missing !== null) {
    console.error(`NOT TESTED, since ${missing}: ${faults.map(({ name }) => name).join(', ')}`)
    return
  }
  const options = { engine, setting, dist: DIST, random: new Random(random.below(2 ** 31)) }
  await t.test(`${engine}, ${setting}: nothing lost, doubled or stuck`, { buffered: true }, async (t) => {
    const { rows, violations } = await round(t, faults, PACE, options)
    t.strictSame(violations, [])
    for (const { fault, acknowledged, drainSeconds } of rows)
      t.comment(`${fault}: ${acknowledged} acknowledged, drained in ${drainSeconds.toFixed(1)} s`)
  })
}

// Most of the time is spent waiting for leases to run out.
t.jobs = 3
t.setTimeout(240_000)
const engines: EngineName[] = redisInstalled(t) ? ['redis', 'embedded'] : ['embedded']
await Promise.all(
  engines.flatMap((engine) =>
    (['plain', 'network', 'disk', 'clock'] as const)
      .filter((setting) => faultsOf(engine, setting).length > 0)
      .map((setting) => everyFault(engine, setting)),
  ),
)
