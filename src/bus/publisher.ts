import type { Engine } from '../engines/engine.js'
import type { Key } from '../schemas/key.js'
import type { KeyPatch, KeySubmission } from '../schemas/key-input.js'
import type { Profile } from '../schemas/profile.js'
import type { ProfileInput, ProfilePatch } from '../schemas/profile-input.js'

/** The versions that a client accepts (RFC 9110 §13.1.1); null: it did not ask. */
export type IfMatch = '*' | number[] | null

/** A record as it was committed, and the event that was committed with it. */
export interface Published<T> {
  record: T
  /** null: nothing had to change, so nothing was published. */
  eventId: string | null
}
