import { noCounters } from '../domain/counters.js'
import type { ResultStatus } from '../schemas/result.js'
import { RESULTS_TOPIC, type TopicCounters } from './engine.js'
import type { Position } from './positions.js'

/**
 * What both engines' recounts share. One reads a partition's raw data, whatever the counters say of it, into the
 * shape below; here it is held against itself and against the counters.
 */
export interface RawPartition {
  log: Map<Position, { id: string; topic: string }>
  results: Map<Position, { id: string; event: string; topic: string; status: ResultStatus }>
  /** Where each event, announcement and result should be found, by the id of the event or announcement. */
  positions: Map<string, Position>
  announcements: Map<string, Position>
  resultOf: Map<string, Position>
  /** `superseded` or `discarded`, by the position of the result. */
  marks: Map<Position, string>
  /** The open set, once by time and once by position. */
  due: Set<Position>
  open: Set<Position>
  /** Events that have a history, and those of them that count as retrying while they are unfinished. */
  histories: Set<string>
  retrying: Set<string>
  watermark: Position | null
  /** Of each index: rows that lead nowhere, and rows that are wanting. */
  indexes: { name: string; stray: number; missing: number }[]
  /** Records that are not stored under their own id and version. */
  misplaced: string[]
  counters: Map<string, TopicCounters>
  swept: Map<string, TopicCounters>
  /** Entries of the log, of whatever topic, that are accounted for as taken out by somebody else. */
  outside: number
  /**
   * When a finished event is counted as swept under its status: when it leaves the log (its id is then kept as
   * long as its result), or when its result goes.
   */
  sweptWith: 'event' | 'result'
}

export interface Problem {
  what: string
  count: number
  /** An id, a position or a pair of numbers: never anything that was submitted. */
  example: string
}

export interface Verdict {
  problems: Problem[]
  events: number
  results: number
}

/** Everything in which a partition's raw data contradicts itself or its counters. */
export function judge(raw: RawPartition): Verdict {
  const found = new Problems()
  checkEvents(raw, found)
  checkResults(raw, found)
  checkOpenSet(raw, found)
  checkCounters(raw, found)
  for (const id of raw.misplaced) found.add('records are not stored under their own id and version', id)
  for (const { name, stray, missing } of raw.indexes) {
    if (stray > 0) found.add(`rows of the index of ${name} lead to nothing`, `${stray} rows`, stray)
    if (missing > 0) found.add(`rows of the index of ${name} are missing`, `${missing} rows`, missing)
  }
  return { problems: found.list, events: raw.log.size, results: raw.results.size }
}

class Problems {
  readonly #byText = new Map<string, Problem>()

  add(what: string, example: string, count = 1): void {
    const known = this.#byText.get(what)
    if (known === undefined) this.#byText.set(what, { what, count, example })
    else known.count += count
  }

  get list(): Problem[] {
    return [...this.#byText.values()]
  }
}

function checkEvents(
  { log, positions, resultOf, histories, sweptWith }: RawPartition,
  found: Problems,
): void {
  for (const [at, { id }] of log)
    if (positions.get(id) !== at) found.add('events of the log are not found by their id', id)
  for (const [id, at] of positions) {
    if (log.has(at) || (sweptWith === 'event' && resultOf.has(id))) continue
    found.add('events are gone from the log without having been swept', id)
  }
  for (const id of histories)
    if (!positions.has(id)) found.add('histories belong to events that are not there', id)
}

function checkResults({ results, announcements, resultOf, marks }: RawPartition, found: Problems): void {
  for (const [id, at] of resultOf)
    if (results.get(at)?.event !== id) found.add('events point at a result that is not theirs', id)
  for (const [at, { id, event }] of results) {
    if (announcements.get(id) !== at) found.add('results are not found by the id of their announcement', id)
    if (marks.get(at) !== 'superseded' && resultOf.get(event) !== at)
      found.add('results that were not replaced are not found by the id of their event', event)
  }
  for (const [id, at] of announcements)
    if (!results.has(at)) found.add('announcements point at a result that is not there', id)
  for (const at of marks.keys())
    if (!results.has(at)) found.add('marks are left of results that are not there', at)
}

function checkOpenSet({ log, resultOf, due, open, watermark }: RawPartition, found: Problems): void {
  for (const at of new Set([...due, ...open])) {
    if (!due.has(at) || !open.has(at)) found.add('events are in one half of the open set only', at)
    const event = log.get(at)
    if (event === undefined) found.add('events of the open set are not in the log', at)
    else if (resultOf.has(event.id)) found.add('events of the open set are finished', event.id)
  }
  for (const [at, { id }] of log)
    if (!resultOf.has(id) && !open.has(at) && !due.has(at) && watermark !== null && at <= watermark)
      found.add('unfinished events lie before the watermark, and will never be handled', id)
}

/** What there is and what was swept, per topic, against the counters. */
function checkCounters(raw: RawPartition, found: Problems): void {
  const { counters, swept, outside } = raw
  const here = recount(raw)
  let unaccounted = outside
  for (const topic of new Set([...here.keys(), ...counters.keys(), ...swept.keys()])) {
    const counted = counters.get(topic) ?? noCounters
    const gone = swept.get(topic) ?? noCounters
    for (const name of Object.keys(noCounters) as (keyof TopicCounters)[]) {
      const least = (here.get(topic) ?? noCounters)[name] + gone[name]
      const excess = counted[name] - least
      if (excess === 0) continue
      if (name === 'published' && excess > 0 && excess <= unaccounted) {
        unaccounted -= excess
        continue
      }
      // Sweeping by result does not note which of the dead were discarded.
      if (name === 'discarded' && raw.sweptWith === 'result' && excess > 0 && excess <= gone.dead) continue
      found.add(`the counter ${name} of ${topic} is wrong`, `it says ${counted[name]}, there are ${least}`)
    }
  }
  if (unaccounted > 0)
    found.add(
      'events count as taken out of the log by somebody else, but were never published',
      `${unaccounted}`,
    )
}

function recount({ log, results, positions, resultOf, marks, retrying, sweptWith }: RawPartition) {
  const topics = new Map<string, TopicCounters>()
  const count = (topic: string, name: keyof TopicCounters) => {
    const counters = topics.get(topic) ?? { ...noCounters }
    counters[name]++
    topics.set(topic, counters)
  }
  for (const { id, topic } of log.values()) {
    count(topic, 'published')
    if (!resultOf.has(id)) count(topic, retrying.has(id) ? 'retrying' : 'pending')
  }
  for (const [at, { event, topic, status }] of results) {
    count(RESULTS_TOPIC, 'published')
    if (resultOf.get(event) !== at) continue
    if (sweptWith === 'event' && !log.has(positions.get(event) ?? '')) continue
    count(topic, status)
    if (marks.get(at) === 'discarded') count(topic, 'discarded')
  }
  return topics
}

/** Compares the rows of an index, given one by one in any order, with those that there should be. */
export class IndexTally {
  readonly #wanted = new Map<string, Set<string>>()
  #missing = 0
  #stray = 0

  want(term: string, sort: string): void {
    const terms = this.#wanted.get(sort) ?? new Set()
    if (!terms.has(term)) this.#missing++
    this.#wanted.set(sort, terms.add(term))
  }

  /** Each row at most once. */
  row(term: string, sort: string): void {
    if (this.#wanted.get(sort)?.has(term)) this.#missing--
    else this.#stray++
  }

  of(name: string): { name: string; stray: number; missing: number } {
    return { name, stray: this.#stray, missing: this.#missing }
  }
}
