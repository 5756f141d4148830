import { isDeepStrictEqual } from 'node:util'
import type { Change, NewEvent, RecordKind, Records } from '../domain/change.js'
import type { Context, Decision, Operation, Peppers } from '../domain/context.js'
import { customEvent } from '../domain/custom-events.js'
import { derivedId, newId, placementOf, timeOf } from '../domain/ids.js'
import { deleteKey, type Fingerprints, receiveKey, revokeKey, submitKey, updateKey } from '../domain/keys.js'
import {
  createProfile,
  deleteProfile,
  newProfileId,
  replaceProfile,
  updateProfile,
} from '../domain/profiles.js'
import type { Committed, Engine } from '../engines/engine.js'
import { Conflict } from '../engines/errors.js'
import { KeypostError } from '../errors.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { CloudEventInput, EventInput } from '../schemas/event-input.js'
import type { Key } from '../schemas/key.js'
import type { KeyPatch, KeySubmission } from '../schemas/key-input.js'
import type { Profile } from '../schemas/profile.js'
import type { ProfileInput, ProfilePatch } from '../schemas/profile-input.js'
import { Backlog } from './backpressure.js'
import type { DataSchemas } from './data-schemas.js'
import { findFree, moveEmail } from './emails.js'
import type { Observer } from './observer.js'
import { withOrigin } from './origin.js'
import { findOriginal, readFingerprints, release } from './originals.js'
import { passingOn, type Tracer } from './tracer.js'

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

type Decide<T> = (
  before: T,
  operationId: string,
  context: Context,
  prints: Fingerprints | null,
) => Decision<T>

interface How {
  operation?: Operation | undefined
  /** Reads what a key that ends lets go of. */
  prints?: (id: string) => Promise<Fingerprints | null>
}

export interface PublisherOptions {
  peppers: Peppers
  /** The `source` of the events. */
  source: string
  /** How long a change is recognised when it is sent again, in milliseconds. */
  operationTtlMs: number
  /** With so many unfinished events nothing more is published (see backpressure.ts); without it, there is no limit. */
  maxUnfinished?: number
  /** What is checked of the data of custom events. */
  dataSchemas?: DataSchemas
  observer?: Observer
  /** Without it, traces of others are handed on. */
  tracer?: Tracer
}

/**
 * The one way to change something: decide on what is, commit the record with its events, and decide again if
 * it was not so any more. An operation that was carried out before, here or elsewhere, changes nothing and is
 * answered as it was then. Throws `KeypostError` for what the client must know, `Unavailable` as the engine does.
 */
export class Publisher {
  readonly #backlog: Backlog | null
  /** Handlers have their publisher, and may log all that they have: it must not show a pepper. */
  readonly #options: PublisherOptions

  constructor(
    private readonly engine: Engine,
    options: PublisherOptions,
  ) {
    this.#options = options
    const { maxUnfinished } = options
    this.#backlog = maxUnfinished === undefined ? null : new Backlog(engine, maxUnfinished)
  }

  /** For handlers: what they publish must not wait for what they are there to finish. */
  unlimited(): Publisher {
    const { maxUnfinished, ...options } = this.#options
    return new Publisher(this.engine, options)
  }

  async submitKey(input: KeySubmission, operation = this.#operation()): Promise<Published<Key>> {
    const context = this.#context(operation)
    const received = receiveKey(input, context)
    let original: string | null = null
    return tries(async () => {
      const decision = submitKey(received, original, context)
      return this.#commit(decision, operation, (found) => {
        original = found
      })
    })
  }

  updateKey(id: string, patch: KeyPatch, ifMatch: IfMatch): Promise<Published<Key>> {
    return this.#change('keys', id, ifMatch, (key, operation, context) =>
      updateKey(key, patch, operation, context),
    )
  }

  revokeKey(id: string, ifMatch: IfMatch, operation?: Operation): Promise<Published<Key>> {
    return this.#change('keys', id, ifMatch, revokeKey, { operation, prints: this.#printsOf })
  }

  deleteKey(id: string, ifMatch: IfMatch): Promise<Published<Key>> {
    return this.#change('keys', id, ifMatch, deleteKey, { prints: this.#printsOf })
  }

  /** Revokes a key if `because` still holds of it; of an operation that was carried out before, does nothing. */
  async revokeKeyIf(
    id: string,
    operationId: string,
    reason: 'profile_deleted' | 'profile_not_found',
    because: (key: Key) => boolean,
  ): Promise<void> {
    await tries(async () => {
      const [key, prints] = await Promise.all([this.engine.get('keys', id), this.#printsOf(id)])
      if (key === null || !because(key)) return
      const { change } = revokeKey(key, operationId, this.#context(this.#operation()), prints, reason)
      const { operationTtlMs } = this.#options
      if (change !== null) await this.#send({ ...change, operationTtlMs })
      if (prints !== null) await release(this.engine, id, prints)
    })
  }

  /**
   * For the handler of `key.submitted`: the original that this pending key duplicates (null: it is the original, or
   * `rejected`), and the fingerprints that it lets go of unless it is accepted. With one pepper the commit has
   * decided that, and nothing is read.
   */
  async originalOf(
    key: Key,
    rejected: boolean,
  ): Promise<{ duplicateOf: string | null; prints: Fingerprints | null }> {
    const prints = this.#options.peppers.length === 1 ? null : await this.#printsOf(key.id)
    if (prints === null) return { duplicateOf: key.duplicateOf, prints }
    const original = rejected ? key.duplicateOf : await findOriginal(this.engine, key, prints)
    return { duplicateOf: original === key.id ? null : original, prints }
  }

  readonly #printsOf = (id: string) => readFingerprints(this.engine, id)

  async createProfile(input: ProfileInput, operation = this.#operation()): Promise<Published<Profile>> {
    const context = this.#context(operation)
    const id = newProfileId(input, context)
    let free: string | null = null
    return tries(async () => {
      const decision = createProfile(id, input, free, context)
      return this.#commit(decision, operation, async (found) => {
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

  /**
   * Publishes an event on a custom topic. A CloudEvent of a source and id that `client` (null: nobody in
   * particular) sent before is not published again; the first one is answered.
   * @throws reserved_topic, schema_mismatch, idempotency_mismatch
   */
  async publishEvent(
    topic: string,
    input: EventInput | CloudEventInput,
    operation = this.#operation(),
    client: string | null = null,
  ): Promise<KeypostEvent> {
    const { event, ...change } = customEvent(
      topic,
      input,
      this.#context(operation),
      placementOf(operation.id),
      client,
    )
    this.#options.dataSchemas?.check(event)
    try {
      const { time } = await this.#write({
        ...change,
        operationId: operation.id,
        operationTtlMs: operation.ttlMs,
        events: [event],
      })
      return { ...event, time: time ?? timeOf(event.id) }
    } catch (error) {
      if (!(error instanceof Conflict) || error.expectation.what !== 'claim') throw error
      const { found } = error.expectation
      if (found === null) throw error
      const first = await this.engine.get('events', found)
      if (first !== null) return sameEvent(first, event)
      // It is known by its claim alone, after its time.
      return { ...event, id: found, time: timeOf(found) }
    }
  }

  #operation(): Operation {
    return { id: newId(), ttlMs: this.#options.operationTtlMs }
  }

  #context(operation: Operation): Context {
    const { peppers, source } = this.#options
    const { pepper = peppers[0] } = operation
    return {
      peppers: [pepper, ...peppers.filter((other) => other !== pepper)],
      source,
      placementKey: this.engine.layout.placementKey,
      now: new Date(),
      newId: (role, placement) => derivedId(operation.id, role, placement),
    }
  }

  #change<K extends RecordKind>(
    kind: K,
    id: string,
    ifMatch: IfMatch,
    decide: Decide<Records[K]>,
    { operation: given, prints: printsOf = async () => null }: How = {},
  ): Promise<Published<Records[K]>> {
    return tries(async () => {
      // A try that failed may have been made impossible by another (see emails.ts): the next is another operation.
      const operation = given ?? this.#operation()
      const [before, prints] = await Promise.all([this.engine.get(kind, id), printsOf(id)])
      try {
        const decision = decide(expected(before, ifMatch), operation.id, this.#context(operation), prints)
        const committed = await this.#commit(decision, operation)
        if (prints !== null) await release(this.engine, id, prints)
        return committed
      } catch (error) {
        // The record may be refused for what this very operation made of it.
        if (!(error instanceof KeypostError) || given === undefined) throw error
        const first = await this.#first<Records[K]>(operation, id)
        if (first === null) throw error
        return first
      }
    })
  }

  /** What was answered when the operation was carried out first: the event holds the record as it was then. */
  async #first<T>(operation: Operation, recordId: string): Promise<Published<T> | null> {
    const eventId = derivedId(operation.id, 'event', placementOf(recordId))
    const event = await this.engine.get('events', eventId)
    return event === null ? null : { record: event.data as T, eventId }
  }

  /** Commits what was decided. `onClaim` learns who holds a claim that was expected otherwise. */
  async #commit<T extends { id: string }>(
    { record, change }: Decision<T>,
    operation: Operation,
    onClaim?: (found: string | null) => void | Promise<void>,
  ): Promise<Published<T>> {
    if (change === null) return (await this.#first<T>(operation, record.id)) ?? { record, eventId: null }
    try {
      const { replayed } = await this.#write({ ...change, operationTtlMs: operation.ttlMs })
      const first = replayed ? await this.#first<T>(operation, record.id) : null
      return first ?? { record, eventId: change.events?.[0]?.id ?? null }
    } catch (error) {
      if (onClaim && error instanceof Conflict && error.expectation.what === 'claim') {
        await onClaim(error.expectation.found)
      }
      throw error
    }
  }

  async #write(change: Change): Promise<Committed> {
    await this.#backlog?.admit()
    const commit = () => this.#send(change)
    const [write] = change.writes ?? []
    if (write?.kind !== 'profiles' || write.before === null) return commit()
    return moveEmail(this.engine, write.before, write.after, change.operationId, commit)
  }

  async #send(change: Change): Promise<Committed> {
    const { observer, tracer = passingOn } = this.#options
    const events = (change.events ?? []).map(withOrigin)
    const committed = await tracer.send(events, (events) => this.engine.commit({ ...change, events }))
    if (committed.replayed) return committed
    this.#backlog?.published(events.length)
    for (const event of events) observer?.published(event)
    return committed
  }
}

/** An event that was sent before. Another in its name would be lost. @throws idempotency_mismatch */
function sameEvent(first: KeypostEvent, again: NewEvent): KeypostEvent {
  if (first.type === again.type && isDeepStrictEqual(first.data, again.data)) return first
  throw new KeypostError('idempotency_mismatch', 'Another event was sent with this source and id.')
}

/** The record that a client wants changed. @throws not_found, version_mismatch */
function expected<T extends { version: number }>(record: T | null, ifMatch: IfMatch): T {
  if (record === null) throw new KeypostError('not_found', 'There is no record with this id.')
  if (Array.isArray(ifMatch) && !ifMatch.includes(record.version)) {
    throw new KeypostError('version_mismatch', `The record is at version ${record.version}.`)
  }
  return record
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
