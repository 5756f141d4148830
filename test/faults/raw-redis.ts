import type { Redis } from 'ioredis'
import { noCounters } from '../../src/domain/counters.js'
import { deliveredIn, positionOf } from '../../src/engines/redis/encoding.js'
import { META, partitionKeys } from '../../src/engines/redis/keys.js'
import { recordIn } from '../../src/engines/stored.js'
import type { TopicCounters } from '../../src/schemas/topic.js'
import type { Kind } from './ledger.js'
import { eventOf, type Raw, resultOf } from './raw.js'

const PAGE = 2000

async function* entries(redis: Redis, stream: string): AsyncGenerator<[string, string[]]> {
  let after = '-'
  for (;;) {
    const page = await redis.xrange(stream, after, '+', 'COUNT', PAGE)
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    after = `(${last[0]}`
  }
}

async function* fields(redis: Redis, hash: string): AsyncGenerator<[string, string]> {
  let cursor = '0'
  do {
    const [next, page] = await redis.hscan(hash, cursor, 'COUNT', PAGE)
    for (let i = 0; i < page.length; i += 2) yield [page[i] ?? '', page[i + 1] ?? '']
    cursor = next
  } while (cursor !== '0')
}

/** Reads all that is stored in Redis, past Keypost. */
export async function readRedis(redis: Redis): Promise<Raw> {
  const raw: Raw = { log: [], results: [], resultOf: new Map(), records: [], counters: {}, open: 0 }
  const partitions = Number(await redis.hget(META, 'partitions'))
  for (let partition = 0; partition < partitions; partition++) {
    const keys = partitionKeys(partition)
    for await (const [, [, , , json = '{}']] of entries(redis, keys.log))
      raw.log.push(eventOf(JSON.parse(json)))
    for await (const [id, entry] of entries(redis, keys.results))
      raw.results.push(resultOf(partition, positionOf(id), JSON.parse(entry[5] ?? ''), deliveredIn(entry)))
    for await (const [id, at] of fields(redis, keys.resultOf)) raw.resultOf.set(id, positionOf(at))
    await readRecords('keys', keys.keys)
    await readRecords('profiles', keys.profiles)
    for await (const [name, count] of fields(redis, keys.counters)) {
      const [topic = '', counter = ''] = name.split(' ')
      raw.counters[topic] ??= { ...noCounters }
      raw.counters[topic][counter as keyof TopicCounters] += Number(count)
    }
    raw.open += Math.max(await redis.zcard(keys.due), await redis.zcard(keys.openOrder))
  }
  return raw

  async function readRecords(kind: Kind, hash: string) {
    for await (const [id, value] of fields(redis, hash)) {
      const record = recordIn<{ version: number }>(value)
      if (record !== null) raw.records.push({ kind, id, version: record.version })
    }
  }
}
