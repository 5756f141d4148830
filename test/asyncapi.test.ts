import { Parser } from '@asyncapi/parser'
import t from 'tap'
import { difference, generate } from '../src/commands/openapi.js'
import { build, call, newKey, settled, submit } from './helper.js'
import { complaint, document, eventsOf, payloadOf, text } from './messages.js'

t.test('the committed document is what the schemas say', async (t) => {
  const { 'openapi/asyncapi.yaml': generated = '' } = await generate()
  t.equal(difference(text, generated), difference(text, text))
})

t.test('the parser of AsyncAPI has nothing to say of it, not even a hint', async (t) => {
  // Without resolvers it can read nothing but what it is given.
  const parser = new Parser({ __unstable: { resolver: { cache: false, resolvers: [] } } })
  const { document, diagnostics } = await parser.parse(text)
  t.strictSame(diagnostics, [])
  t.ok(document)
  const broken = await parser.parse(text.replace('#/channels/stream', '#/channels/nowhere'))
  t.not(broken.diagnostics.length, 0)
})

t.test('it is served without a token', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const { status, body, headers } = await call(app, 'GET', '/asyncapi.json')
  t.equal(status, 200)
  t.match(headers['content-type'], 'application/json')
  t.strictSame(body, document)
})

t.test('every message has an example that fits it', async (t) => {
  for (const [name, { examples }] of Object.entries(document.components.messages)) {
    t.not(examples.length, 0, name)
    for (const { payload } of examples) t.ok(payloadOf(name)(payload), name)
  }
})

t.test('a stray event is found: the checks at the end of other tests rest on this', async (t) => {
  const app = await build(t)
  const { eventId } = await submit(app, { key: newKey() })
  const { body: event } = await call(app, 'GET', `/events/${eventId}`)
  const announcement = (await eventsOf(app.engine)).find(({ type }) => type === 'event.processed')
  const { body: custom } = await call(app, 'POST', '/topics/orders/events', { type: 'placed', data: 1 })
  await settled(app, custom.id)
  t.ok(event && announcement)
  t.equal(complaint(event, event), null)
  const strays: object[] = [
    { ...event, more: 'x' },
    { ...event, data: { ...event.data, more: 'x' } },
    { ...event, data: { ...event.data, status: 'accepted' } },
    { ...event, subject: 'keys/1' },
    { ...event, time: 'now' },
    { ...event, topic: 'profile_events' },
    { ...event, type: 'key.lost' },
    { ...event, topic: 'orders', Not_an_attribute: 'x' },
    { ...announcement, data: { ...event.data } },
  ]
  for (const stray of strays) {
    const { topic, type } = stray as { topic: string; type: string }
    t.not(complaint({ topic, type }, stray), null)
  }
})
