import { type TSchema, Type } from 'typebox'
import { subjects, topics } from './domain/topics.js'
import { extensions, KeypostEvent, TopicName } from './schemas/event.js'
import * as examples from './schemas/examples.js'
import { Key } from './schemas/key.js'
import { Profile } from './schemas/profile.js'
import { Result } from './schemas/result.js'

/** The events of one type on one topic: exactly what they are. */
export interface Message {
  topic: string
  type: string
  summary: string
  payload: TSchema
  example: object
}

const { specversion, id, source, subject, time, traceparent, requestid } = KeypostEvent.properties

const about = (subject: (id: string) => string) =>
  Type.String({ pattern: `^${subject('')}[0-9a-f-]{36}$`, description: 'The record.' })

const changed = Type.String({
  pattern: '^([A-Za-z]+(,[A-Za-z]+)*)?$',
  description: 'The names of the fields that it changed, by commas.',
})

/** A CloudEvent of Keypost's own: only custom topics have further attributes. */
function message(
  topic: string,
  type: string,
  summary: string,
  said: { subject: TSchema; data: TSchema; [attribute: string]: TSchema },
  example: { subject: string; data: object; changed?: string },
): Message {
  return {
    topic,
    type,
    summary,
    payload: Type.Object(
      { specversion, id, source, type: Type.Literal(type), time, topic: Type.Literal(topic), ...said },
      { additionalProperties: false },
    ),
    example: { ...examples.event, topic, type, ...example },
  }
}

const origin = { traceparent, requestid }
const ofKey = { subject: about(subjects.key), ...origin }
const ofProfile = { subject: about(subjects.profile), ...origin }

/** The record as it is, of which more is known. */
const Which = <T extends TSchema>(record: T, known: Record<string, TSchema>) =>
  Type.Intersect([record, Type.Object(known)])

const { key, profile, result } = examples
const aboutKey = { subject: subjects.key(key.id) }
const aboutProfile = { subject: subjects.profile(profile.id) }
const later = { version: 2, updatedAt: '2026-01-31T12:30:00.000Z' }

const keyMessages = [
  message(
    topics.keys,
    'key.submitted',
    'A key was submitted. It will be accepted, or found to be a duplicate, or rejected.',
    { ...ofKey, data: Which(Key, { status: Type.Literal('pending'), version: Type.Literal(1) }) },
    { ...aboutKey, data: key },
  ),
  message(
    topics.keys,
    'key.updated',
    'A key was changed: `data` is the key after that.',
    { ...ofKey, changed, data: Key },
    { ...aboutKey, changed: 'name', data: { ...key, ...later, name: 'releases' } },
  ),
  message(
    topics.keys,
    'key.revoked',
    'A key was revoked: `data` is the key after that.',
    { ...ofKey, data: Which(Key, { status: Type.Literal('revoked') }) },
    { ...aboutKey, data: { ...key, ...later, status: 'revoked' } },
  ),
  message(
    topics.keys,
    'key.deleted',
    'A key was deleted: `data` is the key before that.',
    { ...ofKey, data: Key },
    { ...aboutKey, data: { ...key, status: 'accepted' } },
  ),
]

const profileMessages = [
  message(
    topics.profiles,
    'profile.created',
    'A profile was created.',
    { ...ofProfile, data: Which(Profile, { version: Type.Literal(1) }) },
    { ...aboutProfile, data: profile },
  ),
  message(
    topics.profiles,
    'profile.updated',
    'A profile was changed or replaced: `data` is the profile after that.',
    { ...ofProfile, changed, data: Profile },
    { ...aboutProfile, changed: 'name', data: { ...profile, ...later, name: 'Ada L.' } },
  ),
  message(
    topics.profiles,
    'profile.deleted',
    'A profile was deleted: `data` is the profile before that. Its keys are revoked.',
    { ...ofProfile, data: Profile },
    { ...aboutProfile, data: profile },
  ),
]

/** Of whatever the event was about. */
const ofResult = { subject: Type.Optional(subject) }

const resultMessages = [
  message(
    topics.results,
    'event.processed',
    'An event was handled: `data` is its result.',
    {
      ...ofResult,
      data: Which(Result, {
        status: Type.Literal('processed'),
        outcome: Type.Object({}),
        error: Type.Null(),
      }),
    },
    { subject: result.subject, data: result },
  ),
  message(
    topics.results,
    'event.dead',
    'An event was given up: `data` is its result. It is a dead letter, which can be redriven.',
    {
      ...ofResult,
      data: Which(Result, { status: Type.Literal('dead'), outcome: Type.Null(), error: Type.Object({}) }),
    },
    {
      subject: result.subject,
      data: { ...result, status: 'dead', attempts: 2, outcome: null, error: examples.failure },
    },
  ),
]

/** What Keypost publishes on its own topics: nothing else is ever on them. */
export const messages: Message[] = [...keyMessages, ...profileMessages, ...resultMessages]

const OthersTopic = Type.Unsafe<string>({ ...TopicName, not: { enum: Object.values(topics) } })

/** What others publish, on topics of their own. */
export const CustomEvent = Type.Object({ ...KeypostEvent.properties, topic: OthersTopic }, extensions)

export const customEvent = {
  ...examples.event,
  ...examples.acceptedEvent,
  clientid: examples.cloudEventInput.id,
  clientsource: examples.cloudEventInput.source,
  data: examples.eventInput.data,
}

/** What a stream says when it cannot go on where it should. */
export const Reset = Type.Object(
  {
    reason: Type.Enum(['swept', 'lost'], {
      type: 'string',
      description:
        '`swept`: events after the place are not kept any more. `lost`: the data does not have the place.',
    }),
  },
  { additionalProperties: false },
)
