import { isConserved } from '../domain/counters.js'
import type { Verdict } from '../engines/audit.js'
import type { EngineStats } from '../engines/engine.js'
import { type Check, failed, ok, warning } from './check.js'

export type PartitionVerdict = Verdict | { busy: true; published: [before: number, after: number] }

const ADVICE = 'this is damage: stop writing, keep a copy of the data, and see what else has written to it'

/** What the counters say, and the raw data of each partition. */
export function checkRecount(
  topics: EngineStats['topics'],
  verdicts: Map<number, PartitionVerdict>,
): Check[] {
  const checks: Check[] = []
  let [events, results] = [0, 0]
  for (const [partition, verdict] of verdicts) {
    if ('busy' in verdict) {
      const [before, after] = verdict.published
      checks.push(
        warning(
          'recount',
          `partition ${partition} changed each time it was read: ${before} to ${after} events published`,
          'run this again when less is written',
        ),
      )
      continue
    }
    events += verdict.events
    results += verdict.results
    for (const { what, count, example } of verdict.problems)
      checks.push(
        failed('recount', `partition ${partition}: ${what} (${count}, such as: ${example})`, ADVICE),
      )
  }
  if (checks.length === 0)
    checks.push(ok('recount', `${events} events and ${results} results are what the counters say`))
  const conserved = isConserved(topics)
    ? ok('conserved', 'published = processed + dead + pending + retrying, for each topic')
    : failed('conserved', 'published is not processed + dead + pending + retrying', ADVICE)
  return [conserved, ...checks]
}
