import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Fault } from './faults/fault.js'
import { faultsOf } from './faults/faults.js'
import { type Edit, mutated } from './faults/mutation.js'
import { Random, seed } from './faults/random.js'
import type { EngineName, Setting } from './faults/rig.js'
import { type Pace, round } from './faults/round.js'
import { redisInstalled } from './redis-server.js'

const DIST = process.env.FAULTS_DIST ?? fileURLToPath(new URL('../dist', import.meta.url))
const LUA = 'src/engines/redis/lua'
const PACE: Pace = { connections: 8, rate: 100, changes: 0, failing: 0, before: 60 }

interface Bug {
  name: string
  edits: Edit[]
  /** What brings it to light. */
  engine: EngineName
  setting: Setting
  fault: string
  pace?: Partial<Pace>
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
    engine: 'redis',
    setting: 'network',
    fault: 'a lost reply',
    pace: { changes: 0.4 },
    shows: /^doubled: acknowledged/,
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
    engine: 'redis',
    setting: 'plain',
    fault: 'kill -9 of a processor',
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
    engine: 'redis',
    setting: 'plain',
    fault: 'SIGSTOP beyond the lease',
    pace: { slow: 400 },
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
    engine: 'redis',
    setting: 'plain',
    fault: 'kill -9 of a processor in a handler',
    pace: { slow: 50 },
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
    engine: 'redis',
    setting: 'network',
    fault: '200 ms latency with jitter',
    pace: { changes: 0.8 },
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
    engine: 'embedded',
    setting: 'plain',
    fault: 'kill -9 of the API',
    shows: /^lost: acknowledged/,
  },
]

function theFault({ engine, setting, fault: wanted }: Bug): Fault {
  const found = faultsOf(engine, setting).find(({ name }) => name === wanted)
  if (found === undefined) throw new Error(`there is no fault "${wanted}"`)
  return found
}

t.setTimeout(600_000)
t.jobs = 3
const chosen = new Random(seed())
const runs = bugs.map((bug) => ({ bug, seeds: [chosen.below(2 ** 31), chosen.below(2 ** 31)] as const }))
const redis = redisInstalled(t)
await Promise.all(
  runs.flatMap(({ bug, seeds: [wrong, right] }) => {
    const { name, edits, engine, setting, pace, shows } = bug
    if (engine === 'redis' && !redis) return []
    const run = async (dist: string, seed: number, t: import('tap').Test) => {
      const options = { engine, setting, dist, random: new Random(seed) }
      return (await round(t, [theFault(bug)], { ...PACE, ...pace }, options)).violations
    }
    return [
      t.test(`the checker finds it when ${name}`, { buffered: true }, async (t) => {
        const violations = await run(mutated(t, DIST, edits), wrong, t)
        t.ok(
          violations.some((violation) => shows.test(violation)),
          `finds ${shows}`,
          { violations: violations.slice(0, 5) },
        )
      }),
      t.test(`and nothing when not: ${bug.fault}`, { buffered: true }, async (t) => {
        t.strictSame(await run(DIST, right, t), [])
      }),
    ]
  }),
)
