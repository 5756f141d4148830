import { isConserved, withStandardTopics } from '../domain/counters.js'
import type { Engine, Fleet } from '../engines/engine.js'
import type { Stats } from '../schemas/stats.js'

/** Exact counters, and who handles what. */
export async function statsOf(engine: Engine): Promise<Stats> {
  const [counted, fleet] = await Promise.all([engine.stats(), engine.lease(null, [])])
  return {
    engine: engine.name,
    topics: withStandardTopics(counted.topics),
    conserved: isConserved(counted.topics),
    oldestUnfinishedAt: counted.oldestUnfinishedAt,
    processors: processorsOf(fleet),
    uptimeSeconds: Math.floor(process.uptime()),
  }
}

/** One that died is listed for as long as it is of interest that it did. */
const SILENT_MS = 60_000

const age = (time: string | null): number => (time === null ? 0 : Date.now() - Date.parse(time))

const processorsOf = ({ processors, leases }: Fleet) => {
  const partitionsOf = (id: string) =>
    leases.flatMap((lease, partition) => (lease?.processor === id ? [partition] : []))
  return processors
    .filter(({ beat, lastPollAt }) => beat > 0 && age(lastPollAt) < SILENT_MS)
    .map(({ id, lastPollAt }) => ({ id, partitions: partitionsOf(id), lastPollAt }))
}
