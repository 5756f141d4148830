import { checkEviction, checkVersion } from '../engines/redis/boot.js'
import { type Durability, warningsOf } from '../engines/redis/durability.js'
import { type Check, failed, mebibytes, ok, warning } from './check.js'

type Facts = Map<string, string>

/** What a Redis server says of itself, judged. */
export function checkServer(facts: Facts, durability: Durability, waitReplicas: number): Check[] {
  return [
    refusal('version', checkVersion, facts, facts.get('redis_version') ?? 'unknown', 'upgrade Redis'),
    ...persistence(facts, durability, waitReplicas),
    replicas(durability, waitReplicas),
    refusal(
      'eviction',
      checkEviction,
      facts,
      facts.get('maxmemory') === '0' ? 'none, as maxmemory is not set' : 'none',
      'CONFIG SET maxmemory-policy noeviction, and in redis.conf',
    ),
    memory(facts),
  ]
}

/** What stops a start is what fails here. */
function refusal(
  name: string,
  check: (facts: Facts) => void,
  facts: Facts,
  fine: string,
  advice: string,
): Check {
  try {
    check(facts)
    return ok(name, fine)
  } catch (error) {
    return failed(name, (error as Error).message, advice)
  }
}

function persistence(facts: Facts, durability: Durability, waitReplicas: number): Check[] {
  const name = 'persistence'
  for (const [fact, what] of [
    ['aof_last_write_status', 'the append-only file cannot be written'],
    ['rdb_last_bgsave_status', 'the last snapshot failed'],
  ] as const)
    if (facts.get(fact) === 'err')
      return [failed(name, `${what}: Redis refuses writes`, 'see its log: mostly the disk is full')]
  const warnings = warningsOf(durability, waitReplicas).filter(({ code }) => code !== 'no_replica')
  if (warnings.length > 0)
    return warnings.map(({ message }) => {
      const [detail = '', advice = ''] = message.split('; ')
      return warning(name, detail, advice)
    })
  return durability.appendfsync === null
    ? [ok(name, 'append-only file; how often it is flushed is not for this user to ask')]
    : [ok(name, 'append-only file, flushed before each answer: a crash loses nothing acknowledged')]
}

function replicas({ replicas }: Durability, waitReplicas: number): Check {
  const name = 'replicas'
  const found = `${replicas} connected, WAIT_REPLICAS is ${waitReplicas}`
  if (replicas < waitReplicas)
    return failed(name, `${found}: every write is refused`, 'connect replicas, or lower WAIT_REPLICAS')
  if (replicas === 0)
    return warning(name, `${found}: with the disk of Redis all data is lost`, 'connect one, and wait for it')
  if (waitReplicas === 0)
    return warning(name, `${found}: a failover may lose what was acknowledged last`, 'set WAIT_REPLICAS to 1')
  return ok(name, found)
}

/** Writes are refused when it is full; a rewrite of the append-only file may need as much again. */
const FULL = 0.8

function memory(facts: Facts): Check {
  const used = Number(facts.get('used_memory'))
  const limit = Number(facts.get('maxmemory')) || Number(facts.get('total_system_memory'))
  const detail = `${mebibytes(used)} of ${mebibytes(limit)} MiB in use`
  return used < FULL * limit
    ? ok('memory', detail)
    : warning('memory', detail, 'give Redis more memory, or lower EVENT_TTL_MS and RESULT_TTL_MS')
}
