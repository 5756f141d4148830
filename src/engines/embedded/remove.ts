import { type Ended, type NewEvent, RESULTS_TOPIC } from '../engine.js'
import type { Position } from '../positions.js'
import { logTerms, resultTerms } from '../terms.js'
import { countSwept } from './counters.js'
import { keys } from './keys.js'
import type { FoundResult } from './results.js'
import type { Store } from './store.js'

/** Removes a finished event from the log; its result can still be found by its id. */
export function removeEvent(
  store: Store,
  partition: number,
  at: Position,
  ended: Pick<Ended, 'result' | 'discarded'>,
): void {
  const key = keys.entry('log', partition, at)
  const event = JSON.parse(store.get(key) ?? '') as NewEvent
  removed(store, 'log', partition, at)
  store.remove(key)
  store.remove(keys.history(partition, at))
  for (const term of logTerms(event)) store.remove(keys.index('log', partition, term, at))
  countSwept(store, partition, event.topic, ended)
}

/** Removes a result that was replaced, or whose event is no longer in the log. */
export function removeResult(
  store: Store,
  partition: number,
  at: Position,
  { announcement: { id, data }, mark }: FoundResult,
): void {
  removed(store, 'results', partition, at)
  store.remove(keys.entry('results', partition, at))
  store.remove(keys.announcement(id))
  store.remove(keys.mark(partition, at))
  const facts = { topic: data.topic, type: data.type, subject: data.subject ?? undefined }
  for (const term of resultTerms(facts, data.status)) store.remove(keys.index('results', partition, term, at))
  countSwept(store, partition, RESULTS_TOPIC, {})
  if (mark === 'superseded') return
  const event = store.get(keys.event(data.id))
  if (event !== undefined) store.remove(keys.done(partition, event))
  store.remove(keys.event(data.id))
}

/** The last position of a stream whose entry was swept, and how many were: it tells those who follow it. */
export function sweptOf(
  store: Store,
  stream: 'log' | 'results',
  partition: number,
): { swept: Position | null; sweptCount: number } {
  const [swept = null, count = '0'] = store.get(keys.sweptTo(stream, partition))?.split(' ') ?? []
  return { swept, sweptCount: Number(count) }
}

function removed(store: Store, stream: 'log' | 'results', partition: number, at: Position): void {
  const { swept, sweptCount } = sweptOf(store, stream, partition)
  const last = swept === null || at > swept ? at : swept
  store.put(keys.sweptTo(stream, partition), `${last} ${sweptCount + 1}`)
}
