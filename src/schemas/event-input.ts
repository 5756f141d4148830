import { type Static, Type } from 'typebox'
import { Id, Nullable, Text, Timestamp } from './common.js'
import { EventType, extensions, FROM_CLIENT, Subject, TopicName } from './event.js'
import * as examples from './examples.js'

const uri = (description: string) => Type.String({ pattern: '^[!-~]+$', maxLength: 1000, description })

/** POST /topics/{topic}/events, in short. */
export const EventInput = Type.Object(
  {
    type: EventType,
    subject: Type.Optional(Subject),
    data: Type.Unknown({ description: 'Any JSON value, at most 64 levels deep.' }),
  },
  { $id: 'EventInput', additionalProperties: false, examples: [examples.eventInput] },
)
export type EventInput = Static<typeof EventInput>

/** The same as a CloudEvent 1.0, with its attributes as the client has them. */
export const CloudEventInput = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Text({ minLength: 1, maxLength: 255, description: `Kept as \`${FROM_CLIENT.id}\`.` }),
    source: uri(`A URI reference; kept as \`${FROM_CLIENT.source}\`.`),
    time: Type.Optional({
      ...Timestamp,
      description: `RFC 3339; kept as \`${FROM_CLIENT.time}\`.`,
    }),
    type: EventType,
    subject: Type.Optional(Subject),
    datacontenttype: Type.Optional(
      Type.String({
        pattern: '^[aA]pplication/([A-Za-z0-9!#$&^_.+-]+\\+)?json( *;[ -~]*)?$',
        maxLength: 255,
        description: 'The data is JSON.',
      }),
    ),
    dataschema: Type.Optional(uri('What the data adheres to. Kept, and not looked at.')),
    traceparent: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$', maxLength: 55 }),
    ),
    data: Type.Optional(Type.Unknown({ description: 'As in the short form; absent it is null.' })),
  },
  {
    $id: 'CloudEventInput',
    ...extensions,
    maxProperties: 40,
    description: 'Extension attributes are kept.',
    examples: [examples.cloudEventInput],
  },
)
export type CloudEventInput = Static<typeof CloudEventInput>

const AnyOfThem = Type.Unsafe<unknown>({
  $id: 'EventBody',
  anyOf: [EventInput, CloudEventInput, Type.Unknown({ description: 'With `ce-` headers: the data.' })],
  examples: [examples.eventInput],
})

/** Which bodies are taken. Before Fastify looks at them, they are read as what they are (plugins/cloudevents.ts). */
export const EventBody = Type.Unsafe<EventInput | CloudEventInput>({
  content: {
    'application/json': { schema: AnyOfThem },
    'application/cloudevents+json': { schema: CloudEventInput },
  },
})

const { data, ...attributes } = { ...examples.cloudEventInput, time: examples.event.time }

/** The headers of the binary mode (CloudEvents HTTP protocol binding 1.0 §3.1). */
export const EventHeaders = Type.Object(
  Object.fromEntries(
    Object.entries(attributes).map(([name, example]) => [
      `ce-${name}`,
      Type.Optional(
        Type.String({
          maxLength: 4096,
          description: `Binary mode: the attribute \`${name}\`, percent-encoded.`,
          examples: [example],
        }),
      ),
    ]),
  ),
)

export const TopicParams = Type.Object({ topic: TopicName }, { additionalProperties: false })

/** What is said of an event that was published. */
export const Accepted = Type.Object(
  { id: Id, topic: TopicName, type: EventType, subject: Nullable(Subject), time: Timestamp },
  { $id: 'AcceptedEvent', additionalProperties: false, examples: [examples.acceptedEvent] },
)
