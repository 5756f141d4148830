import type { Page } from '../schemas/common.js'
import type { KeyStatus } from '../schemas/key.js'
import type { ResultStatus } from '../schemas/result.js'

/** What a list can be asked for, and how it answers. */

export interface Paging {
  /** 1 to 200 */
  limit: number
  cursor?: string | undefined
  /**
   * Of events and results, `order: 'asc'`: the reader goes on when more was published, so `nextCursor` is never
   * null. Without a cursor it begins with `all` that is there, or with what is `new` from now on.
   */
  follow?: 'all' | 'new' | undefined
}

export interface Listed<T> extends Page<T> {
  /** With `follow`: where to go on after each item. */
  cursors?: string[]
  /** With `follow`: nothing more was there, so `nextCursor` is at the end of what was. */
  atEnd?: boolean
  /** With `follow`: the page has no items, and `nextCursor` is where to go on although something was missed. */
  missed?: Missed
}

/**
 * What a reader missed that comes back. `swept`: what was published after its place is partly not kept any more; it
 * goes on there with what is. `lost`: this data never had its place, since it is other data, or older; it goes on
 * with all that is kept.
 */
export type Missed = 'swept' | 'lost'

export interface Queries {
  keys: {
    status?: KeyStatus | undefined
    provider?: string | undefined
    profileId?: string | undefined
    fingerprint?: string | undefined
    expiresBefore?: string | undefined
  }
  /** `email` in lower case */
  profiles: { email?: string | undefined }
  events: EventQuery
  /** `discarded` false: without the dead ones that were discarded. */
  results: EventQuery & { status?: ResultStatus | undefined; discarded?: false | undefined }
}

/** `since` ≤ t < `until` */
export interface EventQuery {
  topic?: string | undefined
  type?: string | undefined
  subject?: string | undefined
  since?: string | undefined
  until?: string | undefined
  order?: 'asc' | 'desc' | undefined
}
