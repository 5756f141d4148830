import { factsIn, replicasIn } from './info.js'
import type { Store } from './store.js'

/** What an operator should know of how Redis keeps data, or that it did not; `code` never changes, `message` is for people. */
export interface Warning {
  code: 'data_lost' | 'unknown_pepper' | 'aof_off' | 'appendfsync_everysec' | 'appendfsync_no' | 'no_replica'
  message: string
}

/** How Redis keeps what it acknowledged. */
export interface Durability {
  aof: boolean
  /** null: not known, as this user may not ask. */
  appendfsync: string | null
  replicas: number
}

/** Settings change and replicas leave without any connection being closed. */
const LOOK_EVERY_MS = 60_000

export async function durabilityOf(store: Store): Promise<Durability> {
  const [info, appendfsync] = await Promise.all([
    store.call((redis) => redis.info('persistence', 'replication')),
    // Often forbidden where others run Redis.
    store.call((redis) => redis.config('GET', 'appendfsync')).catch(() => []),
  ])
  const facts = factsIn(info)
  const [, value] = appendfsync as string[]
  return { aof: facts.get('aof_enabled') === '1', appendfsync: value ?? null, replicas: replicasIn(facts) }
}

/** What a crash could take of what was acknowledged, and what to do about it. */
export function warningsOf({ aof, appendfsync, replicas }: Durability, waitReplicas: number): Warning[] {
  const warnings: Warning[] = []
  if (!aof)
    warnings.push({
      code: 'aof_off',
      message:
        'Redis keeps no append-only file: a crash of it loses all that was acknowledged since its last snapshot, ' +
        'or everything if it makes none; set appendonly to yes',
    })
  else if (appendfsync === 'everysec')
    warnings.push({
      code: 'appendfsync_everysec',
      message:
        'Redis flushes its append-only file once a second: a crash of its machine, or of Redis while the disk is ' +
        'slow, may lose the acknowledged writes of that second, or of a few; set appendfsync to always to lose none',
    })
  else if (appendfsync === 'no')
    warnings.push({
      code: 'appendfsync_no',
      message:
        'Redis leaves flushing its append-only file to the operating system: a crash of its machine may lose the ' +
        'acknowledged writes of half a minute or more; set appendfsync to always to lose none',
    })
  if (replicas === 0 && waitReplicas === 0)
    warnings.push({
      code: 'no_replica',
      message:
        'Redis has no replica: if its disk is lost, so is all that was acknowledged; connect a replica, and set ' +
        'WAIT_REPLICAS to 1 so that nothing is acknowledged before it has it',
    })
  return warnings
}

/** Warns of how Redis keeps data: of each thing once, and again when it comes back after it was mended. */
export class DurabilityWatch {
  #known = new Set<string>()
  readonly #timer: NodeJS.Timeout

  constructor(
    private readonly store: Store,
    private readonly warn: (warning: Warning) => void,
  ) {
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref()
  }

  /** While Redis cannot be asked, what was found last stays. */
  async look(): Promise<void> {
    const durability = await durabilityOf(this.store).catch(() => null)
    if (durability === null) return
    const warnings = warningsOf(durability, this.store.connections.waitReplicas)
    const news = warnings.filter(({ code }) => !this.#known.has(code))
    this.#known = new Set(warnings.map(({ code }) => code))
    for (const warning of news) this.warn(warning)
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
