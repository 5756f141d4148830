import type { KeypostEvent } from '../schemas/event.js'
import type { Key } from '../schemas/key.js'
import type { Profile } from '../schemas/profile.js'
import type { Result, ResultStatus } from '../schemas/result.js'
import { type EventQuery, type Queries, RESULTS_TOPIC, type Stored } from './engine.js'
import type { Mark, Range, Row, Source } from './listing.js'
import { firstAt, position } from './positions.js'
import { term } from './terms.js'

/** What in one partition has one order of its own: positions or sort keys in it only grow. */
export interface Stream {
  partition: number
  index: Range['index']
  /** Terms whose entries, put together, are what is asked for; null: the log or the results themselves. */
  terms: (string | null)[]
  /** What the terms do not say, of a row that is not gone. */
  matches(row: Row): boolean
}

/** Which ranges answer a query, and in which order their rows come. */
export interface Plan<T> {
  /** What a cursor is bound to. */
  signature: string
  by: 'position' | 'sort'
  reverse: boolean
  /** Exclusive bounds that hold for every stream. */
  after: string | null
  before: string | null
  streams: Stream[]
  /** The terms do not say all that is asked for. */
  filtered: boolean
  item(value: unknown): T
}

export async function planOf<K extends keyof Stored>(
  source: Source,
  kind: K,
  query: Queries[K],
): Promise<Plan<Stored[K]>> {
  const plans: { [P in keyof Stored]: (query: Queries[P]) => Plan<Stored[P]> | Promise<Plan<Stored[P]>> } = {
    keys: (query) => keysPlan(source.partitions, query),
    profiles: (query) => profilesPlan(source.partitions, query),
    events: (query) => eventsPlan(source, query),
    results: (query) => resultsPlan(source, query),
  }
  return plans[kind](query)
}

/** The way one index serves some filters: through which terms, and which filters are left over. */
interface Access {
  index: Range['index']
  terms: (string | null)[]
  left: ((value: unknown) => boolean)[]
  /** Rows with such a mark are not shown. */
  hidden?: Mark[]
}

const streamsOf = (partitions: number, accesses: Access[]): Pick<Plan<unknown>, 'streams' | 'filtered'> => ({
  streams: Array.from({ length: partitions }, (_, partition) =>
    accesses.map(({ index, terms, left, hidden = [] }) => ({
      partition,
      index,
      terms,
      matches: ({ value, mark }: Row) =>
        (mark === undefined || !hidden.includes(mark)) && left.every((holds) => holds(value)),
    })),
  ).flat(),
  filtered: accesses.some(({ left }) => left.length > 0),
})

/** One filter that a record's index serves. */
interface Filter<T> {
  term: string
  holds(record: T): boolean
}

const filterOf = <T>(
  value: string | undefined,
  term: (value: string) => string,
  of: (record: T) => unknown,
) => (value === undefined ? [] : [{ term: term(value), holds: (record: T) => of(record) === value }])

/** `filters` from the most to the least selective: the first one chooses the range. */
function recordAccess<T>(index: 'keys' | 'profiles', filters: Filter<T>[], through?: string): Access {
  const [first, ...others] = filters
  const left = through === undefined ? others : filters
  return {
    index,
    terms: [through ?? first?.term ?? term.all],
    left: left.map((filter) => (value) => filter.holds(value as T)),
  }
}

function keysPlan(partitions: number, query: Queries['keys']): Plan<Key> {
  const soonest = query.expiresBefore !== undefined
  const filters = [
    ...filterOf<Key>(query.fingerprint, term.fingerprint, (key) => key.fingerprint),
    ...filterOf<Key>(query.profileId, term.profile, (key) => key.profileId),
    ...filterOf<Key>(query.provider, term.provider, (key) => key.provider),
    ...filterOf<Key>(query.status, term.status, (key) => key.status),
  ]
  return {
    signature: soonest ? 'keys,expires' : 'keys,id',
    by: 'sort',
    reverse: !soonest,
    after: null,
    before: query.expiresBefore === undefined ? null : new Date(query.expiresBefore).toISOString(),
    ...streamsOf(partitions, [recordAccess('keys', filters, soonest ? term.expires : undefined)]),
    item: (value) => value as Key,
  }
}

function profilesPlan(partitions: number, { email }: Queries['profiles']): Plan<Profile> {
  const filters = filterOf<Profile>(email, term.email, (profile) => profile.email.toLowerCase())
  return {
    signature: 'profiles,id',
    by: 'sort',
    reverse: true,
    after: null,
    before: null,
    ...streamsOf(partitions, [recordAccess('profiles', filters)]),
    item: (value) => value as Profile,
  }
}

/** Announcements have these two types; the topic of results holds nothing else. */
const statusOfType = new Map<string, ResultStatus>([
  ['event.processed', 'processed'],
  ['event.dead', 'dead'],
])

async function eventsPlan(source: Source, query: Queries['events']): Promise<Plan<KeypostEvent>> {
  const { topic, type, subject } = query
  const status = type === undefined ? undefined : statusOfType.get(type)
  const accesses: Access[] = []
  if (topic !== RESULTS_TOPIC) accesses.push(logAccess(query))
  if ((topic === undefined || topic === RESULTS_TOPIC) && (type === undefined || status !== undefined))
    accesses.push(await resultAccess(source, { subject, status }))
  return {
    ...timed('events', source.partitions, query, accesses),
    item: (value) => value as KeypostEvent,
  }
}

async function resultsPlan(source: Source, query: Queries['results']): Promise<Plan<Result>> {
  const hidden: Mark[] = query.discarded === false ? ['superseded', 'discarded'] : ['superseded']
  const access = { ...(await resultAccess(source, query)), hidden }
  return {
    ...timed('results', source.partitions, query, [access]),
    item: (value) => resultIn(value),
  }
}

const resultIn = (announcement: unknown) => (announcement as KeypostEvent).data as Result

/** Order and bounds of the two lists by time: `since` ≤ t < `until`. */
function timed(kind: string, partitions: number, query: EventQuery, accesses: Access[]) {
  const reverse = query.order !== 'asc'
  const sources = accesses.map(({ index }) => index).join('+')
  return {
    signature: `${kind},${reverse ? 'desc' : 'asc'},${sources},${partitions}`,
    by: 'position' as const,
    reverse,
    after: query.since === undefined ? null : lastBefore(query.since),
    before: query.until === undefined ? null : firstAt(query.until),
    ...streamsOf(partitions, accesses),
  }
}

/** The last position that a clock before `time` can give. */
function lastBefore(time: string): string | null {
  const ms = Date.parse(time) - 1
  return ms < 0 ? null : position(ms, 99_999_999)
}

function logAccess({ topic, type, subject }: EventQuery): Access {
  const [filter, ...left] = [
    ...filterOf<KeypostEvent>(subject, term.subject, (event) => event.subject),
    ...filterOf<KeypostEvent>(type, term.type, (event) => event.type),
    ...filterOf<KeypostEvent>(topic, term.topic, (event) => event.topic),
  ]
  return {
    index: 'log',
    terms: [filter?.term ?? null],
    left: left.map(
      ({ holds }) =>
        (value) =>
          holds(value as KeypostEvent),
    ),
  }
}

/** The filters of a result that say what it is; its times are bounds. */
type Wanted = Omit<Queries['results'], 'since' | 'until' | 'order' | 'discarded'>

/** Which filters of a result its index serves, and through which terms. */
interface Served {
  fields: (keyof Wanted)[]
  terms: (string | null)[]
}

/**
 * Results are found by subject, by type and status or by topic and status. A list by type or topic alone puts
 * its two statuses together, and one by status alone all the topics.
 */
async function served(source: Source, { topic, type, subject, status }: Wanted): Promise<Served> {
  const statuses: ResultStatus[] = status === undefined ? ['processed', 'dead'] : [status]
  if (subject !== undefined) return { fields: ['subject'], terms: [term.subject(subject)] }
  if (type !== undefined)
    return { fields: ['type', 'status'], terms: statuses.map((status) => term.typeStatus(type, status)) }
  if (topic !== undefined)
    return { fields: ['topic', 'status'], terms: statuses.map((status) => term.topicStatus(topic, status)) }
  if (status === undefined) return { fields: [], terms: [null] }
  const topics = await source.topics()
  return { fields: ['status'], terms: topics.map((topic) => term.topicStatus(topic, status)) }
}

async function resultAccess(source: Source, wanted: Wanted): Promise<Access> {
  const { fields, terms } = await served(source, wanted)
  const left = (['topic', 'type', 'subject', 'status'] as const)
    .filter((field) => wanted[field] !== undefined && !fields.includes(field))
    .map((field) => (value: unknown) => resultIn(value)[field] === wanted[field])
  return { index: 'results', terms, left }
}
