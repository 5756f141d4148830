import type { Reopening } from '../engine.js'
import { withEntry } from '../stored.js'
import { partitionKeys, WAKE } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const reopenScript = script('reopen')

export async function reopen(
  store: Store,
  partition: number,
  { how, trace, entry, operationId, operationTtlMs }: Reopening,
): Promise<'reopened' | 'replayed' | 'conflict'> {
  const k = partitionKeys(partition)
  const { event, position, revision, ended } = trace
  return (await store.write(
    reopenScript,
    [
      ...[k.claims, k.claimExpiries, k.counters, k.log, k.events, k.announcements, k.resultOf, k.marks],
      ...[k.history, k.due, k.openOrder],
    ],
    [
      ...[WAKE, partition, `op:${operationId}`, operationTtlMs, how],
      ...[event.id, position, event.topic, revision, ended.result.status, ended.announcement],
      entry === null ? '' : withEntry(trace, entry),
    ],
  )) as 'reopened' | 'replayed' | 'conflict'
}
