import { type Static, Type } from 'typebox'
import { Id, LinesOf, PageOf, Timestamp } from './common.js'
import * as examples from './examples.js'

/** No control characters: index entries are made of these. */
const PrintableText = (annotations: { description: string; examples: string[] }) =>
  Type.String({
    pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]{1,255}$',
    maxLength: 255,
    ...annotations,
  })

export const TopicName = Type.String({
  pattern: '^[a-z][a-z0-9_.-]{0,62}$',
  maxLength: 63,
  description:
    'A stream of events: `key_submission`, `profile_events`, `processing_results` or one of your own.',
  examples: ['orders'],
})
export const EventType = PrintableText({ description: 'What happened.', examples: ['order.placed'] })
export const Subject = PrintableText({ description: 'Which record it is about.', examples: ['orders/17'] })

/** Where an event keeps what its client's CloudEvent had under the names that are Keypost's to fill. */
export const FROM_CLIENT = { id: 'clientid', source: 'clientsource', time: 'clienttime' } as const

const OWN = ['topic', 'changed', 'requestid', ...Object.values(FROM_CLIENT), 'data']

/** Extension attributes (CloudEvents 1.0 §3.1): of any name but those that Keypost fills itself. */
export const extensions = {
  patternProperties: {
    [`^(?!(?:${OWN.join('|')})$)[a-z0-9]{1,20}$`]: {
      type: ['string', 'integer', 'boolean'],
      pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$',
      maxLength: 1000,
      minimum: -(2 ** 31),
      maximum: 2 ** 31 - 1,
    },
  },
  additionalProperties: false,
} as const

const kept = (attribute: string) =>
  Type.Optional(Type.String({ description: `The \`${attribute}\` of the CloudEvent that the client sent.` }))

/** A CloudEvents 1.0 event in the JSON format. Events on custom topics may have further extension attributes. */
export const KeypostEvent = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Id,
    source: Type.String({ description: 'A URI reference: who published it.' }),
    type: EventType,
    subject: Type.Optional(Subject),
    time: Timestamp,
    topic: TopicName,
    traceparent: Type.Optional(Type.String()),
    changed: Type.Optional(
      Type.String({ description: 'Of an update: the names of the fields it changed, by commas.' }),
    ),
    requestid: Type.Optional(
      Type.String({ description: 'The `X-Request-Id` that it comes from, if that is a UUID.' }),
    ),
    [FROM_CLIENT.id]: kept('id'),
    [FROM_CLIENT.source]: kept('source'),
    [FROM_CLIENT.time]: kept('time'),
    data: Type.Unknown(),
  },
  { $id: 'Event', ...extensions, examples: [examples.event] },
)
export type KeypostEvent = Static<typeof KeypostEvent>

export const EventPage = PageOf(KeypostEvent, 'EventPage')
export const EventLines = LinesOf('Event', 'EventLines', [examples.event])
