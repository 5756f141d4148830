import { createHash } from 'node:crypto'
import { Compile } from 'typebox/compile'
import { KeypostError } from '../errors.js'
import { FROM_CLIENT, TopicName } from '../schemas/event.js'
import type { CloudEventInput, EventInput } from '../schemas/event-input.js'
import type { Claim, NewEvent } from './change.js'
import type { Context } from './context.js'
import { eventInput } from './event-input.js'
import { type Placement, placementFor } from './ids.js'
import { topics } from './topics.js'

const reserved = new Set<string>(Object.values(topics))

const topicName = Compile(TopicName)

/** As long as an `Idempotency-Key`, which a CloudEvent's source and id stand for. */
const REMEMBERED_MS = 24 * 60 * 60 * 1000

/**
 * An event that somebody else than Keypost publishes. The events of one subject are in one partition, and so in
 * order; one without a subject may be anywhere.
 *
 * Two CloudEvents of one source and id from one client are the same: the first one that is committed claims them, with its own
 * id as the value. As a claim lies where its event does, topic and subject count too.
 * Who guesses what another client is going to send can neither keep it from being published nor learn that it was.
 * Handlers and programs get here too, and nothing has looked at what they send: an event that does not fit could
 * never be read again.
 * @throws invalid_request, reserved_topic
 */
export function customEvent(
  topic: string,
  input: EventInput | CloudEventInput,
  context: Context,
  anywhere: Placement,
  client: string | null,
): { event: NewEvent; placement: Placement; claims: Claim[] } {
  if (reserved.has(topic)) {
    throw new KeypostError('reserved_topic', 'Events of this topic are published by Keypost alone.')
  }
  if (!topicName.Check(topic)) {
    throw new KeypostError('invalid_request', 'The topic is not valid.', [
      { in: 'path', pointer: '/topic', message: 'must be the name of a topic' },
    ])
  }
  const { type, subject, data = null } = eventInput(input)
  const name = 'specversion' in input ? claimName(topic, input, client) : null
  const sameAs = subject === undefined ? name : `${topic}\0${subject}`
  const placement = sameAs === null ? anywhere : placementFor(context.placementKey, sameAs)
  const id = context.newId('event', placement)
  return {
    event: {
      specversion: '1.0',
      id,
      source: context.source,
      type,
      ...(subject === undefined ? {} : { subject }),
      topic,
      ...('specversion' in input ? attributesOf(input) : {}),
      data,
    },
    placement,
    claims: name === null ? [] : [{ name, from: null, to: id, ttlMs: REMEMBERED_MS }],
  }
}

/** Text of the client's must not make the names of claims long. */
function claimName(topic: string, { source, id, subject }: CloudEventInput, client: string | null): string {
  const what = JSON.stringify([topic, subject ?? null, source, id, ...(client === null ? [] : [client])])
  return `cloudevent:${createHash('sha256').update(what).digest('base64url')}`
}

/** What is kept of a CloudEvent beside its type, subject and data: Keypost's events have ids of their own. */
function attributesOf(event: CloudEventInput): Partial<NewEvent> {
  const { specversion, id, source, time, type, subject, data, ...others } = event
  return {
    ...others,
    [FROM_CLIENT.id]: id,
    [FROM_CLIENT.source]: source,
    ...(time === undefined ? {} : { [FROM_CLIENT.time]: time }),
  }
}
