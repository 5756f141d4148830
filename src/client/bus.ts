import type { Published, Publisher } from '../bus/publisher.js'
import type { Log } from '../bus/settings.js'
import { statsOf } from '../bus/stats.js'
import type { Engine } from '../engines/engine.js'
import { KeypostError } from '../errors.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { EventInput } from '../schemas/event-input.js'
import type { Key } from '../schemas/key.js'
import type { KeyPatch, KeySubmission } from '../schemas/key-input.js'
import type { Profile } from '../schemas/profile.js'
import type { ProfileInput, ProfilePatch } from '../schemas/profile-input.js'
import type { Stats } from '../schemas/stats.js'
import type { EventOn } from './events.js'
import { input } from './input.js'
import { type Listener, listen } from './listener.js'
import { DurableSubscription, type Subscription } from './subscription.js'

/** As long as that of a processor, by default. */
const LEASE_MS = 10_000

export interface SubscribeOptions {
  /** What the position is stored under, for this topic. Made like the name of a topic. */
  name: string
  /**
   * One instance of a name runs at a time, in whatever process; another takes over when that was silent for so
   * many milliseconds. The same for all of them; 10,000 if absent.
   */
  leaseMs?: number
}

export interface BusParts {
  engine: Engine
  publisher: Publisher
  log: Log
  /** Ends what connect() began, the engine last. */
  end(): Promise<void>
}

/**
 * Keypost from inside a program: what it publishes is what the HTTP API would have, record for record. Every
 * method throws `KeypostError` for what was asked, and `Unavailable` for an outage, after which asking again
 * is safe. Nothing that is thrown holds a raw key.
 */
export class Bus {
  readonly #closed = new AbortController()
  readonly #subscriptions = new Set<Subscription>()
  #ended: Promise<void> | null = null
  /** Until then the handlers that still run may publish. */
  #isOver = false

  /** @internal */
  constructor(private readonly parts: BusParts) {}

  /**
   * Submits a key. Of its raw value only a fingerprint and a mask are kept.
   * @throws KeypostError invalid_request, key_in_metadata, backlog_full
   */
  async publishKeySubmitted(
    key: string,
    name: string,
    more: Omit<KeySubmission, 'key' | 'name'> = {},
  ): Promise<Published<Key>> {
    return this.#publisher.submitKey(input.keySubmission({ ...more, key, name }))
  }

  /** Changes a key by a JSON merge patch. @throws KeypostError invalid_request, key_in_metadata, not_found */
  async publishKeyUpdated(id: string, patch: KeyPatch): Promise<Published<Key>> {
    return this.#publisher.updateKey(input.id({ id }).id, input.keyPatch(patch), null)
  }

  /** @throws KeypostError invalid_request, not_found */
  async publishKeyDeleted(id: string): Promise<Published<Key>> {
    return this.#publisher.deleteKey(input.id({ id }).id, null)
  }

  /** @throws KeypostError invalid_request, email_taken */
  async publishProfileCreated(profile: ProfileInput): Promise<Published<Profile>> {
    return this.#publisher.createProfile(input.profile(profile))
  }

  /** Changes a profile by a JSON merge patch. @throws KeypostError invalid_request, email_taken, not_found */
  async publishProfileUpdated(id: string, patch: ProfilePatch): Promise<Published<Profile>> {
    return this.#publisher.updateProfile(input.id({ id }).id, input.profilePatch(patch), null)
  }

  /** @throws KeypostError invalid_request, not_found */
  async publishProfileDeleted(id: string): Promise<Published<Profile>> {
    return this.#publisher.deleteProfile(input.id({ id }).id, null)
  }

  /** Publishes an event on a topic that is not one of Keypost's own. @throws KeypostError invalid_request, reserved_topic */
  async publish(topic: string, event: EventInput): Promise<KeypostEvent> {
    return this.#publisher.publishEvent(input.topic({ topic }).topic, input.event(event))
  }

  /**
   * Hands every event of a topic to `handler`, one at a time and in publish order within each partition: the
   * first time all that are kept, later on from where the name was left. An event counts as handled when the
   * handler returns; when it throws, the same event is tried again, after ever longer waits. So each is handled
   * at least once, unless nobody runs under the name for longer than events are kept (EVENT_TTL_MS).
   */
  subscribe<Topic extends string>(
    topic: Topic,
    { name, leaseMs = LEASE_MS }: SubscribeOptions,
    handler: (event: EventOn<Topic>) => unknown,
  ): Subscription {
    const { engine, log } = this.#open
    const checked = input.subscription({ name, leaseMs })
    const subscription = new DurableSubscription({
      engine,
      topic: input.topic({ topic }).topic,
      ...checked,
      handler: (event) => handler(event as EventOn<Topic>),
      log,
    })
    this.#subscriptions.add(subscription)
    return {
      stop: async () => {
        await subscription.stop()
        this.#subscriptions.delete(subscription)
      },
    }
  }

  /** What is published on a topic from now on: `for await (const event of bus.listen(topic))`. */
  listen<Topic extends string>(topic: Topic): Listener<EventOn<Topic>> {
    input.topic({ topic })
    return listen(this.#open.engine, topic, this.#closed.signal)
  }

  /** Exact counters of every topic, and the processors that handle events. */
  async stats(): Promise<Stats> {
    return statsOf(this.#open.engine)
  }

  /** Ends subscriptions and listeners, after the handlers that run, and frees connections and files. */
  close(): Promise<void> {
    this.#ended ??= this.#close()
    return this.#ended
  }

  async #close(): Promise<void> {
    this.#closed.abort()
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()))
    this.#isOver = true
    await this.parts.end()
  }

  get #open(): BusParts {
    if (this.#closed.signal.aborted) throw closed()
    return this.parts
  }

  get #publisher(): Publisher {
    if (this.#isOver) throw closed()
    return this.parts.publisher
  }
}

const closed = () => new KeypostError('unavailable', 'The bus is closed.')
