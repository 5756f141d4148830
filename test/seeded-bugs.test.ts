import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { faultsOf } from './faults/faults.js'
import { type Edit, mutated } from './faults/mutation.js'
import { Random, seed } from './faults/random.js'
import type { EngineName, Setting } from './faults/rig.js'
import { DRAIN_MS, PATIENT_MS, type Pace, round } from './faults/round.js'
import { redisInstalled } from './redis-server.js'

const DIST = process.env.FAULTS_DIST ?? fileURLToPath(new URL('../dist', import.meta.url))
const LUA = 'src/engines/redis/lua'
const PACE: Pace = { connections: 8, rate: 100, changes: 0, failing: 0, before: 60, drainMs: PATIENT_MS }

/** Under what bugs come to light. The same, met by the build as it is, must be without a complaint. */
interface Scenario {
  engine: EngineName
  setting: Setting
  pace: Pace
}

const killed: Scenario = { engine: 'embedded', setting: 'plain', pace: PACE }
/** Handlers take their time, so that a processor that stops has some in hand. */
const stopped: Scenario = { engine: 'redis', setting: 'plain', pace: { ...PACE, slow: 400 } }
/** Subjects have several events in hand. */
const cutOff: Scenario = { engine: 'redis', setting: 'network', pace: { ...PACE, changes: 0.8 } }

interface Bug {
  name: string
  edits: Edit[]
  scenario: Scenario
  fault: string
  /** Whether the fault meets the bug may be up to chance: how often it is injected. */
  times: number
  /** What the checker must say of it. */
  shows: RegExp
}

const bugs: Bug[] = [
  {
    name: 'a write that is sent again is not recognised',
    edits: [
      {
        file: `${LUA}/commit.lua`,
        from: "if state == 'done' or (creates and taken(first)) then",
        to: 'if false then',
      },
      {
        file: `${LUA}/include/change.lua`,
        from: "if taken(write) then return { 'missing', write.id } end",
        to: '',
      },
    ],
    scenario: cutOff,
    fault: 'a lost reply',
    times: 4,
    shows: /^(doubled: acknowledged|refused, .* is there)/s,
  },
  {
    name: 'the log is trimmed by length',
    edits: [
      {
        file: `${LUA}/include/append.lua`,
        from: "redis.call('XADD', stream,",
        to: "redis.call('XADD', stream, 'MAXLEN', 4,",
      },
    ],
    scenario: stopped,
    fault: 'kill -9 of a processor',
    times: 1,
    shows: /^lost: acknowledged/,
  },
  {
    name: 'settling does not ask for the token',
    edits: [
      {
        file: `${LUA}/settle.lua`,
        from: "if redis.call('HGET', LEASE, 'token') ~= token then",
        to: 'if false then',
      },
    ],
    scenario: stopped,
    fault: 'SIGSTOP beyond the lease',
    times: 1,
    shows: / settled .* while .* held partition/,
  },
  {
    name: 'the watermark passes an unfinished event',
    edits: [
      {
        file: `${LUA}/include/watermark.lua`,
        from: 'if unfinished then break end',
        to: 'unfinished = false',
      },
      // A sweep would notice that they are astray, and have them handled after all.
      { file: 'src/bus/sweeper.js', from: 'if (swept.stray)', to: 'if (false)' },
    ],
    scenario: stopped,
    fault: 'kill -9 of a processor in a handler',
    times: 1,
    shows: /^lost: acknowledged/,
  },
  {
    name: "a subject's next event starts before the settlement is confirmed",
    edits: [
      {
        file: 'src/bus/worker.js',
        from: 'await this.#deliver(next);',
        to: 'await Promise.race([this.#deliver(next), new Promise((end) => setTimeout(end, 20))]);',
      },
    ],
    scenario: cutOff,
    fault: '200 ms latency with jitter',
    times: 1,
    shows: / began \d+ ms before .* was settled/,
  },
  {
    name: 'a write is answered before it is on the disk',
    edits: [
      {
        file: 'src/engines/embedded/commit.js',
        from: 'const committed = await batcher.run(',
        to: `const answerFirst = (work) => {
          setTimeout(() => batcher.run(work).catch(() => {}), 50);
          return { replayed: false, time: null };
        };
        const committed = answerFirst(`,
      },
    ],
    scenario: killed,
    fault: 'kill -9 of the API',
    times: 1,
    shows: /^lost: acknowledged/,
  },
]

const random = new Random(seed())

/** The complaints of the checker after these faults. */
async function violations(t: Test, dist: string, { engine, setting, pace }: Scenario, names: string[]) {
  const known = faultsOf(engine, setting)
  const faults = names.flatMap((name) => known.find((fault) => fault.name === name) ?? [])
  if (faults.length !== names.length) throw new Error(`not all of these are known: ${names}`)
  const options = { engine, setting, dist, random: new Random(random.below(2 ** 31)) }
  return (await round(t, faults, pace, options)).violations
}

t.setTimeout(600_000)
t.jobs = 4
const redis = redisInstalled(t)
const scenarios = [stopped, cutOff, killed].filter(({ engine }) => engine === 'embedded' || redis)
await Promise.all(
  scenarios.flatMap((scenario) => {
    const found = bugs.filter((bug) => bug.scenario === scenario)
    return [
      ...found.map(({ name, edits, fault, times, shows }) =>
        t.test(`the checker finds it when ${name}`, { buffered: true }, async (t) => {
          // Some of them keep the backlog from ever draining.
          const hasty = { ...scenario, pace: { ...scenario.pace, drainMs: DRAIN_MS } }
          const told = await violations(t, mutated(t, DIST, edits), hasty, Array(times).fill(fault))
          t.ok(
            told.some((violation) => shows.test(violation)),
            `tells ${shows}`,
            { told: told.slice(0, 5) },
          )
        }),
      ),
      t.test(
        `without these bugs, ${scenario.engine}, ${scenario.setting}, it finds nothing`,
        { buffered: true },
        async (t) => {
          const faults = [...new Set(found.map(({ fault }) => fault))]
          t.strictSame(await violations(t, DIST, scenario, faults), [])
        },
      ),
    ]
  }),
)
