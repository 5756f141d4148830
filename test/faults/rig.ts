import { Redis } from 'ioredis'
import type { Test } from 'tap'
import type { TopicCounters } from '../../src/schemas/topic.js'
import { folder } from '../helper.js'
import { type Proxy as Network, proxy } from '../proxy.js'
import { asAdmin, type RedisServer, redisServer, redisUrl } from '../redis-server.js'
import { until } from '../until.js'
import { Ledger } from './ledger.js'
import { Clock, Disk } from './machine.js'
import type { Random } from './random.js'
import type { Raw } from './raw.js'
import { readEmbedded } from './raw-embedded.js'
import { readRedis } from './raw-redis.js'
import { Supervised } from './supervised.js'
import { Tenures } from './tenures.js'

export type EngineName = 'embedded' | 'redis'

/** What stands between Keypost and its data, or under it: a fault may need it. */
export const settings = ['plain', 'network', 'disk', 'clock'] as const
export type Setting = (typeof settings)[number]

export const LEASE_MS = 2000

export interface Stats {
  conserved: boolean
  topics: Record<string, TopicCounters>
  processors: { id: string; partitions: number[] }[]
}

export interface RigOptions {
  engine: EngineName
  setting: Setting
  /** The folder of the build to run. */
  dist: string
  random: Random
}

/** Keypost as it runs for one round of faults: on fresh data, an API, on Redis with a processor beside it. */
export interface Rig {
  readonly options: RigOptions
  readonly api: Supervised
  /** Every process, the API first. */
  readonly processes: Supervised[]
  readonly redis: Backend | null
  readonly disk: Disk | null
  readonly clock: Clock | null
  readonly ledger: Ledger
  readonly tenures: Tenures | null
  stats(): Promise<Stats>
  /** Stops what must be stopped for that, and reads all that is stored. */
  raw(): Promise<Raw>
}

export interface Backend {
  server: RedisServer
  /** The harness's own connection, past the proxy. */
  client: Redis
  /** null: Keypost connects directly. */
  network: Network | null
}

export async function startRig(t: Test, options: RigOptions): Promise<Rig> {
  const { engine, setting, dist } = options
  const home = await folder(t)
  const clock = setting === 'clock' ? new Clock(home) : null
  const disk = setting === 'disk' ? new Disk(t) : null
  const dataDir = disk?.path ?? `${home}/data`
  const redis = engine === 'redis' ? await startRedis(t, setting, disk?.path, clock?.env) : null
  const env = {
    LEASE_MS: String(LEASE_MS),
    RETRY_CAP_MS: '1000',
    RETRY_BASE_MS: '50',
    LOG_LEVEL: 'fatal',
    ...clock?.env,
    ...(redis === null
      ? { DATA_DIR: dataDir }
      : {
          REDIS_URL: redisUrl(redis.network?.port ?? redis.server.port),
          KEY_PEPPER: 'p'.repeat(32),
        }),
  }
  const processes = await Promise.all(
    (redis === null ? (['serve'] as const) : (['serve', 'process'] as const)).map((command) =>
      Supervised.start(t, dist, command, env),
    ),
  )
  const [api] = processes
  if (api === undefined) throw new Error('one was started')
  const tenures = redis === null || clock !== null ? null : new Tenures(redis.server.port)
  t.teardown(() => tenures?.end())

  return {
    options,
    api,
    processes,
    redis,
    disk,
    clock,
    ledger: new Ledger(),
    tenures,
    stats: async () => {
      const answer = await fetch(`${api.url}/stats`, { signal: AbortSignal.timeout(5000) })
      if (answer.status !== 200) throw new Error(`/stats answers ${answer.status}`)
      return (await answer.json()) as Stats
    },
    raw: async () => {
      if (redis !== null) return readRedis(redis.client)
      api.hold()
      api.signal('SIGTERM')
      await api.ended()
      const raw = await readEmbedded(dataDir)
      api.release()
      await api.listening()
      return raw
    },
  }
}

async function startRedis(
  t: Test,
  setting: Setting,
  dir: string | undefined,
  env: Record<string, string> = {},
): Promise<Backend> {
  const args = ['--appendfsync', 'always', '--enable-debug-command', 'yes']
  if (dir !== undefined) args.push('--dir', dir)
  const server = await redisServer(t, { args, env })
  const client = new Redis({ ...asAdmin(server.port), maxRetriesPerRequest: null })
  client.on('error', () => {}) // it is killed on purpose
  t.teardown(() => client.disconnect())
  return { server, client, network: setting === 'network' ? await proxy(t, server.port) : null }
}

/** How many events are not settled yet. */
const unfinished = ({ topics }: Stats): number =>
  Object.values(topics).reduce((sum, { pending, retrying }) => sum + pending + retrying, 0)

/** Seconds until nothing is left to be done, counted from `since` (`performance.now()`). */
export async function drained(rig: Rig, since: number, withinMs: number): Promise<number> {
  let left: number | null = null
  const done = async () => {
    left = await rig.stats().then(unfinished, () => null)
    return left === 0
  }
  await until(done, Math.max(withinMs - (performance.now() - since), 0)).catch(() => {
    throw new Error(
      `${left ?? 'nobody knows how many'} events are unfinished ${withinMs} ms after it was mended`,
    )
  })
  return (performance.now() - since) / 1000
}
