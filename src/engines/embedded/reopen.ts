import { placementOf } from '../../domain/ids.js'
import type { ResultStatus } from '../../schemas/result.js'
import type { Reopening } from '../engine.js'
import type { Mark } from '../listing.js'
import { withEntry } from '../stored.js'
import { claimed, setClaim } from './claims.js'
import type { Context } from './context.js'
import { count } from './counters.js'
import { keys } from './keys.js'
import { open } from './open.js'
import { pastOf } from './read.js'
import { endOf } from './results.js'
import type { Store } from './store.js'

const expected: Record<Reopening['how'], ResultStatus> = {
  redrive: 'dead',
  discard: 'dead',
  replay: 'processed',
}

export async function reopen(
  context: Context,
  reopening: Reopening,
): Promise<'reopened' | 'replayed' | 'conflict'> {
  const { store, partitions, batcher, wake } = context
  const partition = placementOf(reopening.trace.event.id) % partitions
  const name = `op:${reopening.operationId}`
  const answer = await batcher.run(() => {
    const state = claimed(store, partition, name)
    if (state === 'done') return 'replayed'
    const done = state === null ? standing(store, partition, reopening) : null
    if (done === null) return 'conflict'
    setClaim(store, partition, { name, to: 'done', ttlMs: reopening.operationTtlMs })
    write(store, partition, reopening, done)
    return 'reopened'
  })
  if (answer === 'reopened' && reopening.how !== 'discard') wake(partition, 'events')
  return answer
}

/** Where the event's result is, if all is still as the trace says and the event can be reopened so. */
function standing(store: Store, partition: number, { how, trace }: Reopening): string | null {
  const { position: at, event, ended, revision } = trace
  const now = endOf(store, partition, at)
  const stands =
    store.get(keys.event(event.id)) === at &&
    store.has(keys.entry('log', partition, at)) &&
    pastOf(store, partition, at).revision === revision &&
    now?.announcement === ended.announcement &&
    now.result.status === expected[how] &&
    !now.discarded
  return stands ? (store.get(keys.done(partition, at)) ?? null) : null
}

function write(store: Store, partition: number, { how, trace, entry }: Reopening, done: string): void {
  const { position: at, event } = trace
  const mark = (mark: Mark) => store.put(keys.mark(partition, done), mark)
  if (how === 'discard') {
    mark('discarded')
    count(store, partition, event.topic, { discarded: 1 })
    return
  }
  mark('superseded')
  store.remove(keys.done(partition, at))
  count(store, partition, event.topic, { [expected[how]]: -1, pending: 1 })
  if (entry !== null) store.put(keys.history(partition, at), withEntry(trace, entry))
  open(store, partition, at, 0)
}
