import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Fault } from './faults/fault.js'
import { faultsOf } from './faults/faults.js'
import { lacking } from './faults/machine.js'
import { Random, seed } from './faults/random.js'
import { type EngineName, type Setting, settings } from './faults/rig.js'
import { PATIENT_MS, round } from './faults/round.js'
import { redisInstalled } from './redis-server.js'

const DIST = process.env.FAULTS_DIST ?? fileURLToPath(new URL('../dist', import.meta.url))
const PACE = { connections: 8, rate: 100, changes: 0.4, failing: 0.15, before: 60, drainMs: PATIENT_MS }
/** In a round, at most. */
const FAULTS = 7
const random = new Random(seed())

/** These faults one after the other. */
function met(engine: EngineName, setting: Setting, faults: Fault[]) {
  const options = { engine, setting, dist: DIST, random: new Random(random.below(2 ** 31)) }
  return t.test(`${engine}, ${setting}: nothing lost, doubled or stuck`, { buffered: true }, async (t) => {
    const { rows, violations } = await round(t, faults, PACE, options)
    t.strictSame(violations, [])
    for (const { fault, acknowledged, drainSeconds } of rows)
      t.comment(`${fault}: ${acknowledged} acknowledged, drained in ${drainSeconds.toFixed(1)} s`)
  })
}

/** Every fault that an engine meets in a setting, once; in which order, and which writes meet it, is up to the seed. */
function all(engine: EngineName, setting: Setting) {
  const faults = random.shuffled(faultsOf(engine, setting))
  const missing = lacking(setting)
  if (missing !== null) {
    console.error(`NOT TESTED, since ${missing}: ${faults.map(({ name }) => name).join(', ')}`)
    return []
  }
  const rounds = Math.ceil(faults.length / FAULTS)
  return Array.from({ length: rounds }, (_, n) =>
    met(
      engine,
      setting,
      faults.filter((_, i) => i % rounds === n),
    ),
  )
}

// Most of the time is spent waiting for leases to run out, and for processes to start.
t.jobs = 4
t.setTimeout(600_000)
const engines: EngineName[] = redisInstalled(t) ? ['redis', 'embedded'] : ['embedded']
await Promise.all(engines.flatMap((engine) => settings.flatMap((setting) => all(engine, setting))))
