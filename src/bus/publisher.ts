import type { Change, RecordKind, Records } from '../domain/change.js'
import type { Context, Decision } from '../domain/context.js'
import { newId, placementOf } from '../domain/ids.js'
import { deleteKey, receiveKey, revokeKey, submitKey, updateKey } from '../domain/keys.js'
import {
  createProfile,
  deleteProfile,
  newProfileId,
  replaceProfile,
  updateProfile,
} from '../domain/profiles.js'
import type { Engine } from '../engines/engine.js'
import { Conflict } from '../engines/errors.js'
import { KeypostError } from '../errors.js'
import type { Key } from '../schemas/key.js'
import type { KeyPatch, KeySubmission } from '../schemas/key-input.js'
import type { Profile } from '../schemas/profile.js'
import type { ProfileInput, ProfilePatch } from '../schemas/profile-input.js'
import { findFree, moveEmail } from './emails.js'

/** The versions that a client accepts (RFC 9110 §13.1.1); null: it did not ask. */
export type IfMatch = '*' | number[] | null

/** A record as it was committed, and the event that was committed with it. */
export interface Published<T> {
  record: T
  /** null: nothing had to change, so nothing was published. */
  eventId: string | null
}

/** A decision is made again when the record changed meanwhile; each time somebody else got on. */
const MAX_TRIES = 64

type Decide<T> = (before: T, operationId: string, context: Context) => Decision<T>

/**
 * The one way to change something: decide on what is, commit the record with its events, and decide again if
 * it was not so any more. Throws `KeypostError` for what the client must know, `Unavailable` as the engine does.
 */
export class Publisher {
  constructor(
    private readonly engine: Engine,
    private readonly options: { pepper: string; source: string },
  ) {}

  async submitKey(input: KeySubmission): Promise<Published<Key>> {
    const context = this.#context()
    const received = receiveKey(input, context)
    let original: string | null = null
    return tries(async () => {
      const decision = submitKey(received, original, context)
      return this.#commit(decision, (found) => {
        original = found
      })
    })
  }

  updateKey(id: string, patch: KeyPatch, ifMatch: IfMatch): Promise<Published<Key>> {
    return this.#change('keys', id, ifMatch, (key, operation, context) =>
      updateKey(key, patch, operation, context),
    )
  }

  revokeKey(id: string, ifMatch: IfMatch): Promise<Published<Key>> {
    return this.#change('keys', id, ifMatch, revokeKey)
  }

  deleteKey(id: string, ifMatch: IfMatch): Promise<Published<Key>> {
    return this.#change('keys', id, ifMatch, deleteKey)
  }

  /** Revokes a key if `because` still holds of it; of an operation that was carried out before, does nothing. */
  async revokeKeyIf(
    id: string,
    operationId: string,
    reason: 'profile_deleted' | 'profile_not_found',
    because: (key: Key) => boolean,
  ): Promise<void> {
    await tries(async () => {
      const key = await this.engine.get('keys', id)
      if (key === null || !because(key)) return
      const { change } = revokeKey(key, operationId, this.#context(), reason)
      if (change !== null) await this.engine.commit(change)
    })
  }

  async createProfile(input: ProfileInput): Promise<Published<Profile>> {
    const context = this.#context()
    const id = newProfileId(input, context)
    let free: string | null = null
    return tries(async () => {
      const decision = createProfile(id, input, free, context)
      return this.#commit(decision, async (found) => {
        free = await findFree(this.engine, input.email, found)
      })
    })
  }

  replaceProfile(id: string, input: ProfileInput, ifMatch: IfMatch): Promise<Published<Profile>> {
    return this.#change('profiles', id, ifMatch, (profile, operation, context) =>
      replaceProfile(profile, input, operation, context),
    )
  }

  updateProfile(id: string, patch: ProfilePatch, ifMatch: IfMatch): Promise<Published<Profile>> {
    return this.#change('profiles', id, ifMatch, (profile, operation, context) =>
      updateProfile(profile, patch, operation, context),
    )
  }

  deleteProfile(id: string, ifMatch: IfMatch): Promise<Published<Profile>> {
    return this.#change('profiles', id, ifMatch, deleteProfile)
  }

  #context(): Context {
    return { ...this.options, placementKey: this.engine.layout.placementKey, now: new Date() }
  }

  #change<K extends RecordKind>(
    kind: K,
    id: string,
    ifMatch: IfMatch,
    decide: Decide<Records[K]>,
  ): Promise<Published<Records[K]>> {
    return tries(async () => {
      const before = await this.engine.get(kind, id)
      if (before === null) throw new KeypostError('not_found', 'There is no record with this id.')
      if (Array.isArray(ifMatch) && !ifMatch.includes(before.version)) {
        throw new KeypostError('version_mismatch', `The record is at version ${before.version}.`)
      }
      const decision = decide(before, newId(placementOf(id)), this.#context())
      return this.#commit(decision)
    })
  }

  /** Commits what was decided. `onClaim` learns who holds a claim that was expected otherwise. */
  async #commit<T>(
    { record, change }: Decision<T>,
    onClaim?: (found: string | null) => void | Promise<void>,
  ): Promise<Published<T>> {
    if (change === null) return { record, eventId: null }
    try {
      await this.#write(change)
    } catch (error) {
      if (onClaim && error instanceof Conflict && error.expectation.what === 'claim') {
        await onClaim(error.expectation.found)
      }
      throw error
    }
    return { record, eventId: change.events?.[0]?.id ?? null }
  }

  #write(change: Change): Promise<unknown> {
    const commit = () => this.engine.commit(change)
    const [write] = change.writes ?? []
    if (write?.kind !== 'profiles' || write.before === null) return commit()
    return moveEmail(this.engine, write.before, write.after, change.operationId, commit)
  }
}

async function tries<T>(attempt: () => Promise<T>): Promise<T> {
  for (let n = 0; n < MAX_TRIES; n++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
    }
  }
  throw new KeypostError('conflict', 'Others kept changing the record. Send the request again.')
}
