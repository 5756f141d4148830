import { join } from 'node:path'
import { open } from 'lmdb'
import { noCounters } from '../../src/domain/counters.js'
import { DATA_FILE } from '../../src/engines/embedded/folder.js'
import { partsOf, under } from '../../src/engines/embedded/keys.js'
import { recordIn } from '../../src/engines/stored.js'
import type { TopicCounters } from '../../src/schemas/topic.js'
import type { Kind } from './ledger.js'
import { eventOf, type Raw, resultOf } from './raw.js'

/** Reads all that is stored in a folder of the embedded engine, which no process may have. */
export async function readEmbedded(dataDir: string): Promise<Raw> {
  const raw: Raw = { log: [], results: [], resultOf: new Map(), records: [], counters: {}, open: 0 }
  const db = open<string, Buffer>({
    path: join(dataDir, DATA_FILE),
    readOnly: true,
    encoding: 'string',
    keyEncoding: 'binary',
    cache: false,
  })
  function* all(name: string): Generator<[string[], string]> {
    for (const { key, value } of db.getRange(under(name))) yield [partsOf(key), value]
  }
  const idAt = new Map<string, string>()
  for (const [[, partition, at], json] of all('log')) {
    const event = eventOf(JSON.parse(json))
    raw.log.push(event)
    idAt.set(`${partition} ${at}`, event.id)
  }
  for (const [[, partition, at = ''], json] of all('results')) {
    const { data, delivered } = JSON.parse(json)
    raw.results.push(resultOf(Number(partition), at, data, delivered))
  }
  for (const [[, partition, at], result] of all('done'))
    raw.resultOf.set(idAt.get(`${partition} ${at}`) ?? `${partition} ${at}`, result)
  for (const [[, kind, id = ''], value] of all('record')) {
    const record = recordIn<{ version: number }>(value)
    if (record !== null) raw.records.push({ kind: kind as Kind, id, version: record.version })
  }
  for (const [[, , topic = ''], json] of all('counters')) {
    const counters: TopicCounters = JSON.parse(json)
    const sum = raw.counters[topic] ?? { ...noCounters }
    raw.counters[topic] = sum
    for (const name of Object.keys(sum) as (keyof TopicCounters)[]) sum[name] += counters[name]
  }
  for (const _ of all('open')) raw.open++
  await db.close()
  return raw
}
