import type { KeypostEvent } from '../../schemas/event.js'
import type { Result } from '../../schemas/result.js'
import type { Delivered, Ended } from '../engine.js'
import type { Mark } from '../listing.js'
import type { Position } from '../positions.js'
import { announcementIn } from '../stored.js'
import { keys } from './keys.js'
import type { Store } from './store.js'

/** A result as it was announced and delivered, and what became of it. */
export interface FoundResult {
  announcement: KeypostEvent & { data: Result }
  delivered: Delivered
  mark: Mark | undefined
}

/** The result at a position of the results. */
export function resultAt(store: Store, partition: number, at: Position): FoundResult | null {
  const json = store.get(keys.entry('results', partition, at))
  if (json === undefined) return null
  const { delivered, ...event } = JSON.parse(json)
  return {
    announcement: announcementIn(at, event),
    delivered,
    mark: store.get(keys.mark(partition, at)) as Mark | undefined,
  }
}

/** How the event at a position of the log ended; null: it is unfinished, or its result was swept. */
export function endOf(store: Store, partition: number, at: Position): Ended | null {
  const done = store.get(keys.done(partition, at))
  const found = done === undefined ? null : resultAt(store, partition, done)
  if (found === null) return null
  return {
    result: found.announcement.data,
    announcement: found.announcement.id,
    delivered: found.delivered,
    discarded: found.mark === 'discarded',
  }
}
