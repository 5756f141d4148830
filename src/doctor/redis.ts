import { performance } from 'node:perf_hooks'
import type { Config } from '../config.js'
import { audit } from '../engines/redis/audit.js'
import { LAYOUT_VERSION } from '../engines/redis/boot.js'
import { connect } from '../engines/redis/connections.js'
import { durabilityOf } from '../engines/redis/durability.js'
import { factsIn } from '../engines/redis/info.js'
import { META } from '../engines/redis/keys.js'
import { lease } from '../engines/redis/lease.js'
import { stats } from '../engines/redis/stats.js'
import { Store } from '../engines/redis/store.js'
import { type Check, failed, ok, warning } from './check.js'
import { checkFleet, checkOldest } from './fleet.js'
import { checkLayout, type StoredLayout } from './layout.js'
import { checkRecount, type PartitionVerdict } from './recount.js'
import { checkChannels, checkRights } from './rights.js'
import { checkServer } from './server.js'

/** Looks at Redis and what Keypost has in it, without writing. */
export async function* examineRedis(config: Config, url: string): AsyncGenerator<Check> {
  const store = new Store(connect(url))
  const { address } = store.connections
  try {
    const rights = await checkRights(store, config)
    yield ok('engine', `redis, at ${address}`)
    yield rights
    // The rest would be refused somewhere.
    if (rights.level === 'failed') return
    yield await roundTrips(store)
    yield await skew(store)
    const facts = factsIn(await store.call((redis) => redis.info()))
    yield* checkServer(facts, await durabilityOf(store), config.WAIT_REPLICAS)
    yield* data(store, config)
  } catch (error) {
    const reason = store.connections.problem() ?? (error as Error).message
    yield failed('engine', `redis, at ${address}: ${reason}`, 'see REDIS_URL, and that Redis runs')
  } finally {
    await store.close()
  }
}

async function* data(store: Store, config: Config): AsyncGenerator<Check> {
  const found = await layoutOf(store)
  if (found === null) {
    yield warning('layout', 'there is no data yet', 'start Keypost once')
    return
  }
  yield* checkLayout(found, config, LAYOUT_VERSION)
  // Of another layout, the rest would be misread.
  if (found.version !== LAYOUT_VERSION) return
  const { partitions } = found
  yield* checkFleet(await lease(store, partitions, null, []), config, Date.now())
  const { topics, oldestUnfinishedAt } = await stats(store, partitions)
  yield* await checkChannels(store, Object.keys(topics))
  yield checkOldest(oldestUnfinishedAt, config, Date.now())
  const verdicts = new Map<number, PartitionVerdict>()
  for (let partition = 0; partition < partitions; partition++)
    verdicts.set(partition, await audit(store, partition))
  yield* checkRecount(topics, verdicts)
}

async function layoutOf(store: Store): Promise<StoredLayout | null> {
  const { layout, partitions, pepperIds = '' } = await store.call((redis) => redis.hgetall(META))
  if (layout === undefined || partitions === undefined) return null
  return { version: Number(layout), partitions: Number(partitions), pepperIds: pepperIds.split(',') }
}

const PINGS = 100
/** Every write waits for one round trip at least. */
const SLOW_MS = 50

async function roundTrips(store: Store): Promise<Check> {
  const times: number[] = []
  for (let n = 0; n < PINGS; n++) {
    const sent = performance.now()
    await store.call((redis) => redis.ping())
    times.push(performance.now() - sent)
  }
  times.sort((a, b) => a - b)
  const [p50 = 0, p99 = 0] = [times[PINGS / 2], times[PINGS - 1]]
  const detail = `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, of ${PINGS} pings`
  return p99 < SLOW_MS
    ? ok('round trip', detail)
    : warning(
        'round trip',
        detail,
        'every write waits for it: run Keypost near Redis, or see what keeps it busy',
      )
}

/** Beyond it, times that different machines write look out of order to people. */
const SKEW_MS = 1000

async function skew(store: Store): Promise<Check> {
  const sent = Date.now()
  const [seconds, micros] = await store.call((redis) => redis.time())
  const here = (sent + Date.now()) / 2
  const ms = Math.round(Number(seconds) * 1000 + Number(micros) / 1000 - here)
  const detail = `that of Redis is ${Math.abs(ms)} ms ${ms < 0 ? 'behind' : 'ahead'}`
  return Math.abs(ms) < SKEW_MS
    ? ok('clock', detail)
    : warning('clock', detail, 'nothing is lost by it, but times mislead: set both by NTP')
}
