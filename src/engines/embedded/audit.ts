import { noCounters } from '../../domain/counters.js'
import { failuresIn } from '../../domain/history.js'
import { placementOf } from '../../domain/ids.js'
import { IndexTally, judge, type RawPartition, type Verdict } from '../audit.js'
import type { RecordKind, TopicCounters } from '../engine.js'
import type { Position } from '../positions.js'
import { recordIn, versionIn } from '../stored.js'
import { logTerms, recordEntries, resultTerms } from '../terms.js'
import type { SweptCounters } from './counters.js'
import { lastPart, partsOf, under } from './keys.js'
import { pastOf } from './read.js'
import { resultAt } from './results.js'
import type { Store } from './store.js'
import { watermarkOf } from './watermark.js'

/**
 * Recounts one partition from the raw data, in one turn of the event loop, so that all of it is of one snapshot
 * even while another process writes. Keeps the ids of one partition in memory.
 */
export function audit(store: Store, partition: number, partitions: number): Verdict {
  const mine = (id: string) => placementOf(id) % partitions === partition
  const byId = (what: string) => new Map(rows(store, what).filter(([id]) => mine(id)))

  const logRows = new IndexTally()
  const log: RawPartition['log'] = new Map()
  for (const [at, json] of rows(store, 'log', partition)) {
    const { id, ...facts } = JSON.parse(json)
    log.set(at, { id, topic: facts.topic })
    for (const term of logTerms(facts)) logRows.want(term, at)
  }

  const resultRows = new IndexTally()
  const results: RawPartition['results'] = new Map()
  for (const [at] of rows(store, 'results', partition)) {
    const found = resultAt(store, partition, at)
    if (found === null) continue
    const { id, data } = found.announcement
    const { topic, type, subject, status } = data
    results.set(at, { id, event: data.id, topic, status })
    for (const term of resultTerms({ topic, type, ...(subject === null ? {} : { subject }) }, status))
      resultRows.want(term, at)
  }

  const positions = byId('event')
  const idAt = new Map([...positions].map(([id, at]) => [at, id]))
  const idOf = (at: Position) => idAt.get(at) ?? at
  const histories = rows(store, 'history', partition).map(([at]) => at)
  const retrying = histories.filter((at) => failuresIn(pastOf(store, partition, at).history).length > 0)
  const misplaced: string[] = []

  return judge({
    log,
    results,
    positions,
    announcements: byId('announcement'),
    resultOf: new Map(rows(store, 'done', partition).map(([at, result]) => [idOf(at), result])),
    marks: new Map(rows(store, 'mark', partition)),
    due: new Set(rows(store, 'due', partition).map(([at]) => at)),
    open: new Set(rows(store, 'open', partition).map(([at]) => at)),
    histories: new Set(histories.map(idOf)),
    retrying: new Set(retrying.map(idOf)),
    watermark: watermarkOf(store, partition),
    indexes: [
      rowsIn(store, partition, 'log', logRows, 'the log'),
      rowsIn(store, partition, 'results', resultRows, 'the results'),
      recordsIn(store, partition, 'keys', mine, misplaced),
      recordsIn(store, partition, 'profiles', mine, misplaced),
    ],
    misplaced,
    counters: countersOf(store, partition),
    swept: sweptOf(store, partition),
    outside: 0,
    sweptWith: 'event',
  })
}

/** What is under some keys, by their last part. */
const rows = (store: Store, ...path: (string | number)[]): [last: string, value: string][] =>
  Array.from(store.range(under(...path)), ({ key, value }) => [lastPart(key), value])

const countersOf = (store: Store, partition: number): Map<string, TopicCounters> =>
  new Map(rows(store, 'counters', partition).map(([topic, json]) => [topic, JSON.parse(json)]))

const sweptOf = (store: Store, partition: number): Map<string, TopicCounters> =>
  new Map(
    rows(store, 'swept', partition).map(([topic, json]) => {
      const { events, ...ended }: SweptCounters = JSON.parse(json)
      return [topic, { ...noCounters, ...ended, published: events }]
    }),
  )

function recordsIn(
  store: Store,
  partition: number,
  kind: RecordKind,
  mine: (id: string) => boolean,
  misplaced: string[],
) {
  const wanted = new IndexTally()
  for (const [id, value] of rows(store, 'record', kind)) {
    if (!mine(id)) continue
    const record = recordIn<Parameters<typeof recordEntries>[1] & { id: string; version: number }>(value)
    if (record?.id !== id || record.version !== versionIn(value)) misplaced.push(id)
    for (const { term, sort } of recordEntries(kind, record)) wanted.want(term, sort)
  }
  return rowsIn(store, partition, kind, wanted, kind)
}

function rowsIn(store: Store, partition: number, index: string, wanted: IndexTally, name: string) {
  for (const key of store.keys(under('index', index, partition))) {
    const [, , , term = '', sort = ''] = partsOf(key)
    wanted.row(term, sort)
  }
  return wanted.of(name)
}
