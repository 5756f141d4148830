import type { TopicCounters } from '../../src/schemas/topic.js'
import { type Groups, grouped } from './grouped.js'
import type { Write } from './ledger.js'
import type { Raw, RawEvent, RawResult } from './raw.js'
import type { Tenures } from './tenures.js'

export interface Verdict {
  /** Acknowledged writes that are not there with exactly one result, by the fault they were sent under. */
  lost: Write[]
  /** Writes that were carried out twice. */
  doubled: Write[]
  /** Everything that is not as promised, in words. */
  violations: string[]
}

export interface Evidence {
  raw: Raw
  writes: Write[]
  /** The counters by HTTP. */
  stats: { conserved: boolean; topics: Record<string, TopicCounters> }
  /** null: not known, as on an engine that one process has, or when clocks were set. */
  tenures: Tenures | null
  /** Clocks were set, so times of different processes cannot be compared. */
  clocksSet: boolean
}

/** When a handler was called is reckoned back from when it ended, and may be so much too early. */
const ROUNDED_MS = 2

const RESULTS_TOPIC = 'processing_results'
/** Those that give a record the name that only this write gives. */
const NAMING = new Set(['key.submitted', 'profile.created', 'key.updated', 'profile.updated'])

/** Compares what was acknowledged with what is stored, once nothing is left to do. */
export function check({ raw, writes, stats, tenures, clocksSet }: Evidence): Verdict {
  const violations: string[] = []
  const results = grouped(raw.results, ({ id }) => id)
  const events = grouped(raw.log, ({ id }) => id)
  violations.push(
    ...storedOnce(raw, events, results),
    ...recordsMatch(raw, results),
    ...counted(raw, stats),
    ...inOrder(raw, results, clocksSet),
  )
  if (tenures !== null)
    for (const result of raw.results) {
      const holder = tenures.trespassed(result)
      if (holder !== null)
        violations.push(
          `${result.processor} settled ${result.id} at ${result.position} while ${holder} held partition ${result.partition}`,
        )
    }

  const named = grouped(
    raw.log.filter(({ type }) => NAMING.has(type)),
    ({ name }) => name,
  )
  const lost: Write[] = []
  const doubled: Write[] = []
  for (const write of writes) {
    const times = named.get(write.name)?.length ?? 0
    const found = write.eventId === null ? [] : (events.get(write.eventId) ?? [])
    const settled = write.eventId === null ? [] : (results.get(write.eventId) ?? [])
    if (times > 1 || found.length > 1 || settled.length > 1) doubled.push(write)
    if (write.state === 'refused' && times > 0) violations.push(`${told(write)} is there`)
    if (write.state !== 'acknowledged') continue
    const names = write.what === 'created' || write.what === 'updated'
    if (!found.some((event) => isOf(event, write)) || settled.length === 0 || (names && times === 0))
      lost.push(write)
  }
  violations.push(...lost.map((write) => `lost: ${told(write)}`))
  violations.push(...doubled.map((write) => `doubled: ${told(write)}`))
  return { lost, doubled, violations }
}

const told = ({ state, kind, what, name, eventId, under }: Write) =>
  `${state}, under "${under}": ${kind} ${what}, ${name}, event ${eventId}`

const verbs = {
  created: ['submitted', 'created'],
  updated: ['updated'],
  revoked: ['revoked'],
  deleted: ['deleted'],
}

const isOf = ({ subject, type }: RawEvent, { kind, id, what }: Write) =>
  subject === `${kind}/${id}` && verbs[what].includes(type.slice(type.indexOf('.') + 1))

/** Every event stands in the log once, and has one result. */
function storedOnce(raw: Raw, events: Groups<RawEvent>, results: Groups<RawResult>): string[] {
  const violations: string[] = []
  for (const [id, found] of events) {
    if (found.length > 1) violations.push(`event ${id} is in the log ${found.length} times`)
    const settled = results.get(id) ?? []
    if (settled.length !== 1) violations.push(`event ${id} has ${settled.length} results`)
    else if (raw.resultOf.get(id) !== settled[0]?.position)
      violations.push(`the result of event ${id} is not found by its id`)
  }
  for (const id of results.keys()) if (!events.has(id)) violations.push(`the result of ${id} has no event`)
  for (const id of raw.resultOf.keys())
    if (!results.has(id)) violations.push(`the result of ${id} is not there`)
  if (raw.open > 0) violations.push(`${raw.open} events are still in the open set`)
  return violations
}

/**
 * No event without its record, no record without its events: a record is at the version that its events and the
 * settlement of its creation made it.
 */
function recordsMatch({ log, records }: Raw, results: Groups<RawResult>): string[] {
  const violations: string[] = []
  const live = new Map(records.map(({ kind, id, version }) => [`${kind}/${id}`, version]))
  const settles = new Set(['accepted', 'duplicate', 'rejected'])
  for (const [subject, events] of grouped(log, ({ subject }) => subject)) {
    const types = events.map(({ type }) => type.slice(type.indexOf('.') + 1))
    const times = (type: string) => types.filter((found) => found === type).length
    if (times('submitted') + times('created') !== 1) violations.push(`${subject} was not created once`)
    if (times('deleted') > 1 || times('revoked') > 1) violations.push(`${subject} was ended twice`)
    const version = live.get(subject)
    live.delete(subject)
    if (times('deleted') > 0) {
      if (version !== undefined) violations.push(`${subject} was deleted and is there`)
      continue
    }
    const settled = events.filter(
      ({ id, type }) => type === 'key.submitted' && settles.has(results.get(id)?.[0]?.code ?? ''),
    )
    const expected = events.length + settled.length
    if (version !== expected)
      violations.push(`${subject} is at version ${version}, its events make it ${expected}`)
  }
  for (const subject of live.keys()) violations.push(`${subject} has no event`)
  return violations
}

/** The counters are what the raw data says, in the store and by HTTP. */
function counted(raw: Raw, stats: Evidence['stats']): string[] {
  const violations: string[] = []
  const expected = new Map<string, Partial<TopicCounters>>()
  const add = (topic: string, counter: keyof TopicCounters) => {
    const counters = expected.get(topic) ?? {}
    expected.set(topic, { ...counters, [counter]: (counters[counter] ?? 0) + 1 })
  }
  for (const { topic } of raw.log) add(topic, 'published')
  for (const { topic, status } of raw.results) {
    add(topic, status as 'processed' | 'dead')
    add(RESULTS_TOPIC, 'published')
  }
  for (const [name, topics] of [['the store', raw.counters] as const, ['/stats', stats.topics] as const])
    for (const topic of new Set([...expected.keys(), ...Object.keys(topics)]))
      for (const counter of ['published', 'processed', 'dead', 'pending', 'retrying', 'discarded'] as const) {
        const is = topics[topic]?.[counter] ?? 0
        const should = expected.get(topic)?.[counter] ?? 0
        if (is !== should) violations.push(`${name} counts ${is} ${counter} on ${topic}, there are ${should}`)
      }
  if (!stats.conserved) violations.push('/stats is not conserved')
  return violations
}

/**
 * Of one subject, what was handled at the first attempt was settled in publish order, and each handler began
 * only once the settlement before was done.
 */
function inOrder({ log }: Raw, results: Groups<RawResult>, clocksSet: boolean): string[] {
  const violations: string[] = []
  const last = new Map<string, RawResult>()
  for (const { id, subject } of log) {
    const result = results.get(id)?.[0]
    if (result === undefined || result.attempts !== 1) continue
    const before = last.get(subject)
    last.set(subject, result)
    if (before === undefined) continue
    if (result.position <= before.position)
      violations.push(`${subject}: ${id} was settled before ${before.id}`)
    const early = Number.parseInt(before.position, 10) - result.startedAt
    if (!clocksSet && early > ROUNDED_MS)
      violations.push(`${subject}: ${id} began ${early} ms before ${before.id} was settled`)
  }
  return violations
}
