import type { Batch, Delivery } from '../engine.js'
import type { Position } from '../positions.js'
import { eventIn, pastIn } from '../stored.js'
import { positionOf } from './encoding.js'
import { partitionKeys } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const claimScript = script('claim')

type Entry = [id: string, json: string, past: string | null]
type Reply = [
  fresh: Entry[],
  due: Entry[],
  last: string | null,
  nextDueInMs: number | null,
  watermark: Position | null,
  reset: 0 | 1,
]

export async function claim(
  store: Store,
  partition: number,
  after: Position | null,
  limit: number,
  putOffMs?: number,
): Promise<Batch> {
  const { log, resultOf, due, history, watermark } = partitionKeys(partition)
  const [fresh, open, last, nextDueInMs, reached, reset] = (await store.run(
    claimScript,
    [log, resultOf, due, history, watermark],
    [after ?? '', limit, putOffMs ?? ''],
  )) as Reply
  return {
    fresh: fresh.map(delivery),
    due: open.map(delivery),
    position: last === null ? null : positionOf(last),
    watermark: reached,
    reset: reset === 1,
    nextDueInMs,
  }
}

function delivery([id, json, past]: Entry): Delivery {
  const position = positionOf(id)
  return { event: eventIn(position, json), position, ...pastIn(past) }
}
