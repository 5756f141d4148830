import { OPERATION_TTL_MS } from '../../domain/change.js'
import type { Change, Claim, Committed } from '../engine.js'
import { Conflict } from '../errors.js'
import { type Position, timeAt } from '../positions.js'
import { changeArgs, claimArgs } from './encoding.js'
import { changeKeys, partitionKeys, WAKE } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const commitScript = script('commit')
const swapScript = script('swap')

type Reply =
  | ['committed' | 'replayed', Position | null]
  | ['aborted']
  | ['missing' | 'version', string]
  | ['claim', string, string | null]

export async function commit(store: Store, partition: number, change: Change): Promise<Committed> {
  const reply = (await store.write(commitScript, changeKeys(partitionKeys(partition)), [
    WAKE,
    partition,
    `op:${change.operationId}`,
    change.operationTtlMs ?? OPERATION_TTL_MS,
    ...changeArgs(change),
  ])) as Reply
  switch (reply[0]) {
    case 'committed':
    case 'replayed':
      return { replayed: reply[0] === 'replayed', time: reply[1] === null ? null : timeAt(reply[1]) }
    case 'aborted':
      throw new Conflict({ what: 'aborted' })
    case 'claim':
      throw new Conflict({ what: 'claim', claim: reply[1], found: reply[2] })
    default:
      throw new Conflict({ what: reply[0], id: reply[1] })
  }
}

export async function swap(store: Store, partition: number, claim: Claim): Promise<string | null> {
  const { claims, claimExpiries } = partitionKeys(partition)
  return (await store.write(swapScript, [claims, claimExpiries], claimArgs(claim))) as string | null
}
