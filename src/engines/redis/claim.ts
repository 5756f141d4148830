import type { Batch, Delivery, Failure } from '../engine.js'
import type { Position } from '../positions.js'
import { eventIn } from '../stored.js'
import { positionOf } from './encoding.js'
import { partitionKeys } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const claimScript = script('claim')

type Entry = [id: string, json: string, failures?: string | null]
type Reply = [fresh: Entry[], due: Entry[], last: string | null, nextDueInMs: number | null]

export async function claim(
  store: Store,
  partition: number,
  after: Position | null,
  limit: number,
): Promise<Batch> {
  const { log, resultOf, due, failures, watermark } = partitionKeys(partition)
  const [fresh, open, last, nextDueInMs] = (await store.run(
    claimScript,
    [log, resultOf, due, failures, watermark],
    [after ?? '', limit],
  )) as Reply
  return {
    fresh: fresh.map(delivery),
    due: open.map(delivery),
    position: last === null ? null : positionOf(last),
    nextDueInMs,
  }
}

function delivery([id, json, stored]: Entry): Delivery {
  const position = positionOf(id)
  const failures = stored ? (JSON.parse(stored.slice(stored.indexOf(' ') + 1)) as Failure[]) : []
  return { event: eventIn(position, json), position, failures }
}
