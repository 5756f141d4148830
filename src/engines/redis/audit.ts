import { noCounters } from '../../domain/counters.js'
import { failuresIn } from '../../domain/history.js'
import type { Result, ResultStatus } from '../../schemas/result.js'
import { IndexTally, judge, type RawPartition, type Verdict } from '../audit.js'
import type { RecordKind, TopicCounters } from '../engine.js'
import type { Position } from '../positions.js'
import { pastIn, recordIn, versionIn } from '../stored.js'
import { logTerms, recordEntries, resultTerms } from '../terms.js'
import { eventOf, positionOf } from './encoding.js'
import { type PartitionKeys, partitionKeys } from './keys.js'
import type { Store } from './store.js'

/** Read at a time: Redis does nothing else meanwhile. */
const PAGE = 500
/** A partition that changes while it is read is read again so often. */
const TRIES = 5

export type Audit = Verdict | { busy: true; published: [before: number, after: number] }

/**
 * Recounts one partition from the raw data. Nothing holds up writers, so what was read counts only if no counter
 * changed meanwhile. Keeps the ids of one partition in memory.
 * @throws Unavailable
 */
export async function audit(store: Store, partition: number): Promise<Audit> {
  const keys = partitionKeys(partition)
  let published: [number, number] = [0, 0]
  for (let n = 0; n < TRIES; n++) {
    const before = await tallies(store, keys)
    const raw = await read(store, keys)
    const after = await tallies(store, keys)
    if (JSON.stringify(before) === JSON.stringify(after)) return judge({ ...raw, ...talliesIn(after) })
    published = [publishedIn(before.counters), publishedIn(after.counters)]
  }
  return { busy: true, published }
}

interface Tallies {
  counters: [name: string, value: string][]
  swept: [name: string, value: string][]
}

async function tallies(store: Store, { counters, swept }: PartitionKeys): Promise<Tallies> {
  const [counted, gone] = await Promise.all([
    store.call((redis) => redis.hgetall(counters)),
    store.call((redis) => redis.hgetall(swept)),
  ])
  return { counters: Object.entries(counted).sort(), swept: Object.entries(gone).sort() }
}

const publishedIn = (counters: Tallies['counters']): number =>
  counters.filter(([name]) => name.endsWith(' published')).reduce((sum, [, value]) => sum + Number(value), 0)

function talliesIn({ counters, swept }: Tallies): Pick<RawPartition, 'counters' | 'swept' | 'outside'> {
  const outside = Number(swept.find(([name]) => name === ' outside')?.[1] ?? 0)
  const gone = swept
    .filter(([name]) => name !== ' outside')
    .map(([name, value]) => [name.replace(/ events$/, ' published'), value] as [string, string])
  return { counters: byTopic(counters), swept: byTopic(gone), outside }
}

function byTopic(fields: [name: string, value: string][]): Map<string, TopicCounters> {
  const topics = new Map<string, TopicCounters>()
  for (const [field, value] of fields) {
    const [topic = '', name = ''] = field.split(' ')
    topics.set(topic, { ...(topics.get(topic) ?? noCounters), [name]: Number(value) })
  }
  return topics
}

type Raw = Omit<RawPartition, 'counters' | 'swept' | 'outside'>

async function read(store: Store, k: PartitionKeys): Promise<Raw> {
  const logRows = new IndexTally()
  const log: Raw['log'] = new Map()
  for await (const [at, fields] of entries(store, k.log)) {
    const { id, ...facts } = eventOf(at, fields)
    log.set(at, { id, topic: facts.topic })
    for (const term of logTerms(facts)) logRows.want(term, at)
  }

  const resultRows = new IndexTally()
  const results: Raw['results'] = new Map()
  for await (const [at, fields] of entries(store, k.results)) {
    const { id, data } = eventOf(at, fields)
    const { id: event, topic, type, subject, status } = data as Result
    results.set(at, { id, event, topic, status: status as ResultStatus })
    const facts = { topic, type, ...(subject === null ? {} : { subject }) }
    for (const term of resultTerms(facts, status)) resultRows.want(term, at)
  }

  const histories = new Set<string>()
  const retrying = new Set<string>()
  for await (const [id, past] of fields(store, k.history)) {
    histories.add(id)
    if (failuresIn(pastIn(past).history).length > 0) retrying.add(id)
  }

  const misplaced: string[] = []
  const indexes = [
    await rowsIn(store, k.logIndex, logRows, 'the log'),
    await rowsIn(store, k.resultIndex, resultRows, 'the results'),
    await records(store, 'keys', k.keys, k.keyIndex, misplaced),
    await records(store, 'profiles', k.profiles, k.profileIndex, misplaced),
  ]

  return {
    log,
    results,
    positions: await mapOf(store, k.events),
    announcements: await mapOf(store, k.announcements),
    resultOf: await mapOf(store, k.resultOf),
    marks: await mapOf(store, k.marks),
    due: await setOf(store, k.due),
    open: await setOf(store, k.openOrder),
    histories,
    retrying,
    watermark: await store.call((redis) => redis.get(k.watermark)),
    indexes,
    misplaced,
    sweptWith: 'result',
  }
}

async function records(store: Store, kind: RecordKind, key: string, index: string, misplaced: string[]) {
  const rows = new IndexTally()
  for await (const [id, value] of fields(store, key)) {
    const record = recordIn<Parameters<typeof recordEntries>[1] & { id: string; version: number }>(value)
    if (record?.id !== id || record.version !== versionIn(value)) misplaced.push(id)
    for (const { term, sort } of recordEntries(kind, record)) rows.want(term, sort)
  }
  return rowsIn(store, index, rows, kind)
}

async function rowsIn(store: Store, index: string, rows: IndexTally, name: string) {
  for await (const member of members(store, index)) {
    const end = member.indexOf('\0')
    rows.row(member.slice(0, end), member.slice(end + 1))
  }
  return rows.of(name)
}

async function* entries(store: Store, stream: string): AsyncGenerator<[Position, string[]]> {
  let after = '-'
  for (;;) {
    const page = await store.call((redis) => redis.xrange(stream, after, '+', 'COUNT', PAGE))
    for (const [id, fields] of page) yield [positionOf(id), fields]
    const [last] = page.at(-1) ?? []
    if (last === undefined || page.length < PAGE) return
    after = `(${last}`
  }
}

/** A scan may give the same field more than once. */
async function* fields(store: Store, hash: string): AsyncGenerator<[name: string, value: string]> {
  const seen = new Set<string>()
  let cursor = '0'
  do {
    const [next, page] = await store.call((redis) => redis.hscan(hash, cursor, 'COUNT', PAGE))
    for (let i = 0; i < page.length; i += 2) {
      const [name = '', value = ''] = page.slice(i, i + 2)
      if (!seen.has(name)) yield [name, value]
      seen.add(name)
    }
    cursor = next
  } while (cursor !== '0')
}

/** Of a set whose scores are equal, in order. */
async function* members(store: Store, set: string): AsyncGenerator<string> {
  let after = '-'
  for (;;) {
    const page = await store.call((redis) => redis.zrange(set, after, '+', 'BYLEX', 'LIMIT', 0, PAGE))
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    after = `(${last}`
  }
}

async function mapOf(store: Store, hash: string): Promise<Map<string, string>> {
  const map = new Map<string, string>()
  for await (const [name, value] of fields(store, hash)) map.set(name, value)
  return map
}

async function setOf(store: Store, set: string): Promise<Set<string>> {
  const found = new Set<string>()
  let cursor = '0'
  do {
    const [next, page] = await store.call((redis) => redis.zscan(set, cursor, 'COUNT', PAGE))
    for (let i = 0; i < page.length; i += 2) found.add(page[i] ?? '')
    cursor = next
  } while (cursor !== '0')
  return found
}
