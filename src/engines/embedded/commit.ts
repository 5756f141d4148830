import { OPERATION_TTL_MS } from '../../domain/change.js'
import type { Change, Claim, Committed } from '../engine.js'
import { Conflict } from '../errors.js'
import { type Position, timeAt } from '../positions.js'
import { apply, failing, isTaken, prepare } from './change.js'
import { claimed, setClaim } from './claims.js'
import type { Context } from './context.js'
import { keys } from './keys.js'

export async function commit(context: Context, change: Change): Promise<Committed> {
  const { store, clock, partitions, batcher, wake } = context
  const partition = change.placement % partitions
  const prepared = prepare(partition, change)
  const operation = `op:${change.operationId}`
  const [first] = prepared.writes
  const created = first?.expected === null ? first : null

  const committed = await batcher.run(() => {
    const state = claimed(store, partition, operation)
    if (state === 'done' || (created !== null && isTaken(store, partition, created))) {
      const event = prepared.events[0]
      return answer(true, (event && store.get(keys.event(event.id))) ?? null)
    }
    if (state !== null) throw new Conflict({ what: 'aborted' })
    const conflict = failing(store, partition, prepared)
    if (conflict !== null) throw conflict

    if (created === null)
      setClaim(store, partition, {
        name: operation,
        to: 'done',
        ttlMs: change.operationTtlMs ?? OPERATION_TTL_MS,
      })
    return answer(false, apply(store, clock, partition, prepared))
  })
  if (!committed.replayed && prepared.events.length > 0) wake(partition, 'events')
  return committed
}

const answer = (replayed: boolean, at: Position | null): Committed => ({
  replayed,
  time: at === null ? null : timeAt(at),
})

export async function swap(context: Context, placement: number, claim: Claim): Promise<string | null> {
  const { store, partitions, batcher } = context
  const partition = placement % partitions
  const reads = claim.from === claim.to && claim.ttlMs === undefined
  if (reads) {
    batcher.check()
    return claimed(store, partition, claim.name)
  }
  return batcher.run(() => {
    const found = claimed(store, partition, claim.name)
    if (found === claim.from) setClaim(store, partition, claim)
    return found
  })
}
