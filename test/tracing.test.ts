import t, { type Test } from 'tap'
import { collector } from './collector.js'
import { failingHandler, MESSAGE } from './failing-handler.js'
import { newKey } from './helper.js'
import { addressOf, type Process, run } from './process.js'
import { redisInstalled, redisServer } from './redis-server.js'
import { until } from './until.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${TRACE}-b7ad6b7169203331-01`

const submit = async (api: string, key: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${api}/keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ key, name: 'a key' }),
  })
  return {
    eventId: String(response.headers.get('keypost-event-id')),
    requestId: response.headers.get('x-request-id'),
  }
}

const settled = (api: string, eventId: string) =>
  until(async () => (await fetch(`${api}/results/${eventId}`)).status === 200)

const eventOf = async (api: string, eventId: string) =>
  (await (await fetch(`${api}/events/${eventId}`)).json()) as { traceparent?: string }

/** The lines of its log. */
const linesOf = ({ out }: Process) =>
  out()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

const stop = async (process: Process) => {
  process.child.kill('SIGTERM')
  return process.exit
}

/** An API that handles nothing, and a processor, on one Redis. */
async function fleet(t: Test, env: Record<string, string>) {
  const { url } = await redisServer(t)
  const common = { ...env, REDIS_URL: url, KEY_PEPPER: 'p'.repeat(32), PARTITIONS: '2', LEASE_MS: '2000' }
  const serving = await run(t, [], { ...common, SUBSCRIBER: 'off' })
  const processing = await run(t, ['process'], common)
  const [api] = await Promise.all([addressOf(serving), addressOf(processing)])
  return { api, serving, processing }
}

t.test('a request, its event and its handler are one trace, across processes', async (t) => {
  if (!redisInstalled(t)) return
  const { url, spans, received } = await collector(t)
  const { api, serving, processing } = await fleet(t, { OTEL_EXPORTER_OTLP_ENDPOINT: url })
  const key = newKey()
  const { eventId, requestId } = await submit(api, key, { traceparent })
  await settled(api, eventId)
  const event = await eventOf(api, eventId)
  await submit(api, `${newKey()} of another trace`)
  t.equal(await stop(serving), 0)
  t.equal(await stop(processing), 0)

  const named = (name: string) => spans.find((span) => span.name === name && span.traceId === TRACE)
  const [http, send, handled] = ['POST /keys', 'send key_submission', 'process key_submission'].map(named)
  if (!http || !send || !handled) return t.fail(JSON.stringify(spans.map(({ name }) => name)))
  t.match(http, { kind: 2, parentSpanId: 'b7ad6b7169203331', service: 'keypost' })
  t.match(send, { kind: 4, parentSpanId: http.spanId })
  t.match(handled, { kind: 5, parentSpanId: send.spanId })
  t.equal(event.traceparent, `00-${TRACE}-${send.spanId}-01`)
  t.match(http.attributes, {
    'http.request.method': 'POST',
    'http.route': '/keys',
    'http.response.status_code': 202,
  })
  for (const [span, operation] of [
    [send, 'send'],
    [handled, 'process'],
  ] as const)
    t.match(span.attributes, {
      'messaging.operation.type': operation,
      'messaging.destination.name': 'key_submission',
      'messaging.message.id': eventId,
    })
  const traces = new Set(spans.filter(({ name }) => name === 'POST /keys').map(({ traceId }) => traceId))
  t.equal(traces.size, 2, 'a request without a trace begins one')
  t.notMatch(received.join('\n'), key)
  t.ok(received.every((one) => one.startsWith('/v1/traces ')))

  const answered = linesOf(serving).find((line) => line.eventId === eventId)
  t.match(answered, { level: 30, msg: 'answered', requestId, traceId: TRACE })
  const processed = linesOf(processing).find((line) => line.eventId === eventId)
  t.match(processed, {
    level: 30,
    msg: 'event processed',
    topic: 'key_submission',
    type: 'key.submitted',
    attempt: 1,
    traceId: TRACE,
    durationMs: Number,
    latencyMs: Number,
  })
})

t.test('what a handler publishes belongs to the trace of its event', async (t) => {
  if (!redisInstalled(t)) return
  const { url, spans } = await collector(t)
  const api = await addressOf(
    await run(t, [], { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '50' }),
  )
  const json = { 'content-type': 'application/json' }
  const post = async (path: string, body: object) =>
    (await (
      await fetch(`${api}${path}`, { method: 'POST', headers: json, body: JSON.stringify(body) })
    ).json()) as {
      id: string
    }
  const profile = await post('/profiles', { name: 'P', email: 'p@example.org' })
  const key = await post('/keys', { key: newKey(), name: 'K', profileId: profile.id })
  await until(async () => (await (await fetch(`${api}/keys/${key.id}`)).text()).includes('accepted'))
  await fetch(`${api}/profiles/${profile.id}`, { method: 'DELETE', headers: { traceparent } })
  const inTrace = () => spans.filter(({ traceId }) => traceId === TRACE).map(({ name }) => name)
  await until(() => inTrace().length >= 5)
  t.strictSame(inTrace().sort(), [
    'DELETE /profiles/:id',
    'process key_submission',
    'process profile_events',
    'send key_submission',
    'send profile_events',
  ])
})

t.test('an attempt that fails is an error of its code, without its message', async (t) => {
  const { url, spans, received } = await collector(t)
  const serving = await run(t, [], { OTEL_EXPORTER_OTLP_ENDPOINT: url, HANDLERS: await failingHandler(t) })
  const api = await addressOf(serving)
  const response = await fetch(`${api}/topics/things/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent },
    body: JSON.stringify({ type: 'thing.happened', data: {} }),
  })
  await settled(api, ((await response.json()) as { id: string }).id)
  t.equal(await stop(serving), 0)
  const attempts = spans.filter(({ name }) => name === 'process things')
  t.match(
    attempts,
    [1, 2].map(() => ({ status: { code: 2 }, attributes: { 'error.type': 'no_luck' } })),
  )
  for (const { traceId, status, events } of attempts)
    t.match(
      { traceId, status, events: events.length },
      { traceId: TRACE, status: { message: undefined }, events: 0 },
    )
  t.notMatch(received.join('\n'), MESSAGE)
})

t.test('an error is known by its code alone', async (t) => {
  const { url, spans, received } = await collector(t)
  const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/mine`, OTEL_SERVICE_NAME: 'mine' }
  const serving = await run(t, [], env)
  const api = await addressOf(serving)
  await fetch(`${api}/keys/MARKER?MARKER=1`)
  await fetch(`${api}/MARKER`)
  await fetch(`${api}/livez`)
  t.equal(await stop(serving), 0)
  t.strictSame(
    spans.map(({ name, service, attributes }) => [name, service, attributes['http.response.status_code']]),
    [
      ['GET /keys/:id', 'mine', 400],
      ['GET', 'mine', 404],
    ],
  )
  t.notMatch(received.join('\n'), 'MARKER')
  t.ok(received.every((one) => one.startsWith('/mine ')))
})

const withoutTraces: [name: string, env: (url: string) => Record<string, string>][] = [
  ['no variable says where to', () => ({})],
  ['the SDK is disabled', (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: 'true' })],
  ['there is no exporter', (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_EXPORTER: 'none' })],
]
for (const [name, env] of withoutTraces)
  t.test(`${name}: no spans, and the trace of a request is handed on as it is`, async (t) => {
    const { url, received } = await collector(t)
    const serving = await run(t, [], env(url))
    const api = await addressOf(serving)
    const given = await submit(api, newKey(), { traceparent })
    const none = await submit(api, newKey())
    const wrong = await submit(api, newKey(), { traceparent: `${traceparent}-more` })
    t.equal((await eventOf(api, given.eventId)).traceparent, traceparent)
    for (const { eventId } of [none, wrong]) t.notOk('traceparent' in (await eventOf(api, eventId)))
    await settled(api, given.eventId)
    t.equal(await stop(serving), 0)
    const lines = linesOf(serving).filter(({ eventId }) => eventId === given.eventId)
    t.strictSame(new Set(lines.map(({ traceId }) => traceId)), new Set([TRACE]))
    t.strictSame(lines.map(({ msg }) => msg).sort(), ['answered', 'event processed'])
    t.strictSame(received, [])
  })

t.test('a collector that does not answer holds up neither requests nor the stop', async (t) => {
  const { url, received } = await collector(t, { silent: true })
  const serving = await run(t, [], { OTEL_EXPORTER_OTLP_ENDPOINT: url })
  const api = await addressOf(serving)
  await settled(api, (await submit(api, newKey())).eventId)
  const stoppedAt = performance.now()
  t.equal(await stop(serving), 0)
  t.ok(performance.now() - stoppedAt < 5000)
  t.ok(received.length > 0, 'it was asked')
})

t.test('a collector that is not there is warned of once', async (t) => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_BSP_SCHEDULE_DELAY: '20' }
  const serving = await run(t, [], { ...env, OTEL_EXPORTER_OTLP_TIMEOUT: '50' })
  const api = await addressOf(serving)
  const warnings = () => linesOf(serving).filter(({ msg }) => msg === 'traces cannot be sent')
  await until(async () => {
    await submit(api, newKey())
    return warnings().length > 0
  })
  await submit(api, newKey())
  t.equal(await stop(serving), 0)
  t.equal(warnings().length, 1)
  t.match(warnings()[0], { level: 40 })
})
