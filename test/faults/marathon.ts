import { writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { redisInstalled } from '../redis-server.js'
import { faultsOf } from './faults.js'
import { lacking } from './machine.js'
import { Random, seed } from './random.js'
import { type EngineName, type Setting, settings } from './rig.js'
import { DRAIN_MS, type Pace, type Row, round } from './round.js'
import { table } from './table.js'

// Rounds of faults on both engines, side by side, for as long as it is told.
//   FAULTS_SECONDS  no round begins after that (600)
//   FAULTS_WRITES   acknowledged before each fault (1000)
//   FAULTS_ENGINES  those to run (embedded,redis)
//   FAULTS_SEED     chooses faults and writes; without it, a new one is chosen and told
//   FAULTS_TABLE    the file for the table of what came of each fault
//   FAULTS_DIST     the folder of another build to run
const {
  FAULTS_SECONDS = '600',
  FAULTS_WRITES = '1000',
  FAULTS_ENGINES = 'embedded,redis',
  FAULTS_TABLE,
} = process.env
const DIST = process.env.FAULTS_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url))
const PACE: Pace = {
  connections: 32,
  rate: 10_000,
  changes: 0.1,
  failing: 0.02,
  before: Number(FAULTS_WRITES),
  drainMs: DRAIN_MS,
}
/** Faults in a round: after them all data is read and checked. */
const FAULTS = 8

/** Most rounds are plain, and in these every second fault is a kill -9. */
function plan(engine: EngineName, random: Random) {
  const likely: Setting[] = ['plain', 'plain', 'plain', 'plain', 'network', 'disk', 'clock']
  const setting = random.pick(
    likely.filter((setting) => faultsOf(engine, setting).length > 0 && lacking(setting) === null),
  )
  const all = faultsOf(engine, setting)
  const kills = all.filter(({ name }) => name.startsWith('kill -9'))
  const faults = Array.from({ length: Math.min(FAULTS, 2 * all.length) }, () =>
    random.pick(kills.length > 0 && random.chance(0.5) ? kills : all),
  )
  return { setting, faults }
}

const rows: Row[] = []

async function rounds(t: Test, engine: EngineName, random: Random, until: number): Promise<void> {
  for (let n = 1; performance.now() < until; n++) {
    const { setting, faults } = plan(engine, random)
    await t.test(`${engine}, round ${n}, ${setting}`, async (t) => {
      const options = { engine, setting, dist: DIST, random: new Random(random.below(2 ** 31)) }
      const done = await round(t, faults, PACE, options)
      rows.push(...done.rows)
      const acknowledged = rows.reduce((sum, row) => sum + row.acknowledged, 0)
      console.error(
        `${Math.round(performance.now() / 1000)} s: ${rows.length} faults, ${acknowledged} writes acknowledged`,
      )
      t.strictSame(done.violations.slice(0, 50), [])
    })
  }
}

t.setTimeout(Number(FAULTS_SECONDS) * 1000 + 600_000)
t.jobs = 2
for (const setting of settings) {
  const reason = lacking(setting)
  if (reason !== null) console.error(`NOT TESTED: faults of the ${setting}, since ${reason}`)
}
const random = new Random(seed())
const until = performance.now() + Number(FAULTS_SECONDS) * 1000
const engines = (['embedded', 'redis'] as const).filter(
  (engine) => FAULTS_ENGINES.split(',').includes(engine) && (engine === 'embedded' || redisInstalled(t)),
)
await Promise.all(
  engines.map((engine) => {
    const own = new Random(random.below(2 ** 31))
    return t.test(engine, { buffered: true }, (t) => rounds(t, engine, own, until))
  }),
)
const told = table(rows)
console.error(told)
if (FAULTS_TABLE) writeFileSync(FAULTS_TABLE, told)
