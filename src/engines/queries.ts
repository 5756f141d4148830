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
}

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
