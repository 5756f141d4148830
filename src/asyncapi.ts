import { CustomEvent, customEvent, type Message, messages, Reset } from './asyncapi-messages.js'
import { topics } from './domain/topics.js'
import { hoist, mark } from './openapi.js'
import { CloudEventInput } from './schemas/event-input.js'
import * as examples from './schemas/examples.js'
import { version } from './version.js'

const CLOUD_EVENT = 'application/cloudevents+json'
const CUSTOM = 'custom'

const to = (...path: string[]) => ({ $ref: `#/${path.join('/')}` })
const messagesOf = (names: string[]) =>
  Object.fromEntries(names.map((name) => [name, to('components', 'messages', name)]))

const typesOf = (topic: string) => messages.filter((one) => one.topic === topic).map(({ type }) => type)
const everything = [...messages.map(({ type }) => type), CUSTOM]

const TAGS: Record<string, string> = {
  [topics.keys]: 'keys',
  [topics.profiles]: 'profiles',
  [topics.results]: 'results',
}

const describe = ({ topic, type, summary, payload, example }: Message) => ({
  name: type,
  title: type,
  summary,
  tags: [{ name: TAGS[topic] ?? topic }],
  contentType: CLOUD_EVENT,
  correlationId: to('components', 'correlationIds', topic === topics.results ? 'handled' : 'event'),
  payload,
  examples: [{ name: 'example', payload: example }],
})

const custom = {
  name: CUSTOM,
  title: 'An event of a custom topic',
  summary: 'What others published: its type, subject, data and extension attributes are theirs.',
  tags: [{ name: 'custom topics' }],
  contentType: CLOUD_EVENT,
  correlationId: to('components', 'correlationIds', 'event'),
  payload: CustomEvent,
  examples: [{ name: 'example', payload: customEvent }],
}

const published = {
  name: 'published',
  title: 'An event to be published',
  summary: 'A CloudEvent of your own; Keypost gives it an id, and keeps yours.',
  tags: [{ name: 'custom topics' }],
  contentType: CLOUD_EVENT,
  payload: CloudEventInput,
  examples: [{ name: 'example', payload: examples.cloudEventInput }],
}

const reset = {
  name: 'reset',
  title: 'Something was missed',
  summary: 'Of the stream alone, as a message whose `event` is `reset`: what it says is not an event.',
  contentType: 'application/json',
  payload: Reset,
  examples: [{ name: 'example', payload: { reason: 'swept' } }],
}

const topicParameter = {
  topic: {
    description: 'At most 63 lower-case letters, digits, `_`, `.` and `-`, the first one a letter.',
    examples: ['orders'],
  },
}

const onRedis = (address: string, title: string, names: string[], more: object = {}) => ({
  address,
  title,
  summary: 'A Redis channel: each message is one event, as JSON.',
  servers: [to('servers', 'redis')],
  messages: messagesOf(names),
  ...more,
})

const channels = {
  [topics.keys]: onRedis(topics.keys, 'What happens to keys', typesOf(topics.keys)),
  [topics.profiles]: onRedis(topics.profiles, 'What happens to profiles', typesOf(topics.profiles)),
  [topics.results]: onRedis(topics.results, 'What became of events', typesOf(topics.results)),
  custom: onRedis('{topic}', 'A topic of your own', [CUSTOM], { parameters: topicParameter }),
  stream: {
    address: '/events/stream',
    title: 'Every event, live',
    summary: 'Server-sent events: `data` is one event as JSON, `id` is where to go on after it.',
    servers: [to('servers', 'http')],
    messages: messagesOf([...everything, 'reset']),
  },
  publish: {
    address: '/topics/{topic}/events',
    title: 'Where to publish on a topic of your own',
    servers: [to('servers', 'http')],
    parameters: topicParameter,
    messages: messagesOf(['published']),
  },
}

const sends = (channel: keyof typeof channels, summary: string, more: object = {}) => ({
  action: 'send',
  channel: to('channels', channel),
  summary,
  ...more,
})

const operations = {
  sendKeyEvents: sends(topics.keys, 'Tells what happens to keys.'),
  sendProfileEvents: sends(topics.profiles, 'Tells what happens to profiles.'),
  sendResults: sends(topics.results, 'Tells what became of each event: once, when it is settled.'),
  sendCustomEvents: sends('custom', 'Tells what others publish.'),
  streamEvents: sends('stream', 'Tells everything to whoever reads the stream.', {
    bindings: {
      http: {
        method: 'GET',
        query: {
          type: 'object',
          properties: {
            topic: { type: 'string', description: 'Only the events of this topic.' },
            type: { type: 'string', description: 'Only the events of this type.' },
          },
          additionalProperties: false,
        },
        bindingVersion: '0.3.0',
      },
    },
  }),
  receiveEvents: {
    action: 'receive',
    channel: to('channels', 'publish'),
    summary: 'Takes an event, and publishes it on its topic.',
    bindings: { http: { method: 'POST', bindingVersion: '0.3.0' } },
  },
}

/** Every message that Keypost sends and takes, from the same schemas as the OpenAPI document. */
export const asyncapi = hoist(
  mark({
    asyncapi: '3.1.0',
    info: {
      title: 'Keypost',
      version,
      description:
        'Every event that Keypost publishes, as a CloudEvent 1.0: on Redis to the channel that is named as its ' +
        'topic, and over HTTP to whoever reads `/events/stream`. A Redis channel reaches who listens at that ' +
        'moment; the stream can be resumed. Requests and their answers are in the OpenAPI document.',
      license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' },
      contact: { name: 'Whoever runs this Keypost' },
      tags: [...Object.values(TAGS), 'custom topics'].map((name) => ({ name })),
    },
    defaultContentType: CLOUD_EVENT,
    servers: {
      redis: {
        host: '127.0.0.1:6379',
        protocol: 'redis',
        description: 'The Redis of `REDIS_URL`. The embedded engine has no channels.',
        security: [to('components', 'securitySchemes', 'redis')],
      },
      http: {
        host: '127.0.0.1:3000',
        protocol: 'http',
        description: 'Keypost itself, at `HOST` and `PORT`.',
        security: [to('components', 'securitySchemes', 'bearer')],
      },
    },
    channels,
    operations,
    components: {
      messages: {
        ...Object.fromEntries(messages.map((message) => [message.type, describe(message)])),
        [CUSTOM]: custom,
        published,
        reset,
      },
      correlationIds: {
        event: {
          description:
            'The id of the event: its result is at `/results/{id}`, and in `data` of what announces it.',
          location: '$message.payload#/id',
        },
        handled: {
          description: 'The id of the event whose result this is.',
          location: '$message.payload#/data/id',
        },
      },
      securitySchemes: {
        redis: { type: 'userPassword', description: 'A user of Redis who may read the channels.' },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token with the scope `read`, or `write` to publish; only where there are any.',
        },
      },
    },
  }),
)
