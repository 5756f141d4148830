import t, { type Test } from 'tap'
import { failingHandler } from '../failing-handler.js'
import { build, call, newKey, settled, submit, until } from '../helper.js'

type Line = Record<string, unknown>

/** An app and what it logs, at every level. */
async function logging(t: Test, env: Record<string, string> = {}) {
  const lines: Line[] = []
  const app = await build(t, env, { write: (line) => lines.push(JSON.parse(line)) })
  /** The lines about an event, once there are so many. */
  const about = (id: unknown, count: number) =>
    until(() => {
      const found = lines.filter(({ eventId }) => eventId === id)
      return found.length >= count && found
    })
  return { app, lines, about }
}

t.test('a request and its event are one line each, and each leads to the other', async (t) => {
  const { app, about } = await logging(t)
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const requestId = '0192f0c1-2a3b-4c4d-8e5f-0a1b2c3d4e5f'
  const headers = { traceparent, 'x-request-id': requestId }
  const { headers: answered } = await call(app, 'POST', '/keys', { key: newKey(), name: 'a key' }, headers)
  const lines = await about(answered['keypost-event-id'], 2)
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  t.match(
    lines.find(({ msg }) => msg === 'answered'),
    { level: 30, requestId, method: 'POST', route: '/keys', status: 202, traceId, ms: Number },
  )
  t.match(
    lines.find(({ msg }) => msg === 'event processed'),
    {
      level: 30,
      topic: 'key_submission',
      type: 'key.submitted',
      attempt: 1,
      requestId,
      traceId,
      durationMs: Number,
      latencyMs: Number,
    },
  )
  t.equal(lines.length, 2)
})

t.test('what else a client calls its request is nowhere: it gets another name', async (t) => {
  const { app, lines, about } = await logging(t)
  const headers = { 'x-request-id': 'sk_live_in_the_wrong_place' }
  const { headers: answered } = await call(app, 'POST', '/keys', { key: newKey(), name: 'a key' }, headers)
  const id = answered['keypost-event-id']
  await about(id, 2)
  t.equal((await call(app, 'GET', `/events/${id}`)).body.requestid, answered['x-request-id'])
  t.notMatch(JSON.stringify(lines), 'sk_live')
})

t.test('an attempt that fails is a warning, a dead letter an error', async (t) => {
  const { app, about } = await logging(t, { HANDLERS: await failingHandler(t) })
  const { body } = await call(app, 'POST', '/topics/things/events', { type: 'thing.happened', data: {} })
  t.match(await settled(app, body.id), { status: 'dead' })
  const lines = (await about(body.id, 3)).filter(({ error }) => error !== undefined)
  t.match(lines, [
    { level: 40, attempt: 1, msg: 'attempt failed; trying again', error: { code: 'no_luck' } },
    { level: 50, attempt: 2, msg: 'event is dead', error: { code: 'no_luck' } },
  ])
})

t.test(
  'what machines ask for every few seconds, and how partitions move, is for those who debug',
  async (t) => {
    const { app, lines } = await logging(t)
    await submit(app, { key: newKey() })
    for (const url of ['/livez', '/readyz', '/metrics']) await app.inject(url)
    const levels = (wanted: (line: Line) => boolean) => [
      ...new Set(lines.filter(wanted).map(({ level }) => level)),
    ]
    t.strictSame(
      levels(({ route }) => ['/livez', '/readyz', '/metrics'].includes(String(route))),
      [20],
    )
    t.strictSame(
      levels(({ msg }) => String(msg).startsWith('partition ')),
      [20],
    )
    t.strictSame(
      levels(({ route }) => route === '/keys'),
      [30],
    )
  },
)
