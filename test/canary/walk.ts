import type { Test } from 'tap'
import { accepted, keyWith, noHttp, refused } from './requests.js'
import type { Rig } from './rig.js'

/** Everything that is read back. */
const READ = [
  '/keys',
  '/events',
  '/results',
  '/topics',
  '/stats',
  '/dead-letters',
  '/replays',
  '/metrics',
  '/readyz',
]
const DOCUMENTS = ['/openapi.json', '/asyncapi.json', '/docs/json', '/livez']

/** Uses a service in every way that a key can take. */
export async function walk(t: Test, { call, bytes, markers, token }: Rig, url: string): Promise<void> {
  const secret = () => keyWith(markers.key)
  const strange = () => ({
    'x-request-id': secret(),
    'user-agent': secret(),
    referer: `http://localhost/${secret()}`,
    cookie: `key=${secret()}`,
    traceparent: secret(),
    tracestate: `key=${markers.key}`,
    baggage: `key=${markers.key}`,
    'x-forwarded-for': secret(),
  })
  const ids: string[] = []
  for (const body of accepted(markers.key)) {
    const headers = { prefer: 'wait=20', 'idempotency-key': `"${secret()}"`, ...strange() }
    const first = await call(url, { path: '/keys', body, headers })
    t.equal(first?.status, 201)
    ids.push(JSON.parse(first?.body ?? '{}').id)
    const replayed = await call(url, { path: '/keys', body, headers })
    t.equal(replayed?.headers['idempotent-replayed'], 'true')
    const other = await call(url, { path: '/keys', body: { key: secret(), name: 'n' }, headers })
    t.equal(other?.status, 422)
  }
  for (const [i, sent] of refused(markers.key, token).entries()) {
    const { method = 'POST', path } = sent
    const { status = 0 } = (await call(url, sent)) ?? {}
    const takes = method === 'OPTIONS' || isDocument(path)
    t.ok(status >= (takes ? 200 : 400) && status < 500, `${i}: ${method} is answered with ${status}`)
  }
  for (const text of noHttp(markers.key)) await bytes(url, text)
  const [first = '', second = ''] = ids
  const patch = { metadata: { where: 'canary-metadata' } }
  await call(url, { method: 'PATCH', path: `/keys/${first}`, body: patch, headers: strange() })
  await call(url, { path: `/keys/${second}/revoke`, headers: { 'idempotency-key': secret() } })
  await call(url, { method: 'DELETE', path: `/keys/${second}` })
  // What a client puts into an event of its own is stored, as it is meant to be: no secret is put there.
  const thing = { type: 'thing.happened', data: { id: first } }
  const dead = await call(url, { path: '/topics/things/events', body: thing, headers: { prefer: 'wait=20' } })
  t.match(JSON.parse(dead?.body ?? '{}'), { status: 'dead', error: { code: 'indiscreet' } })
  const event = dead?.headers['keypost-event-id']
  for (const path of [
    ...READ,
    ...DOCUMENTS,
    `/events/${event}/timeline`,
    `/dead-letters/${event}`,
    `/keys/${first}`,
  ])
    await call(url, { method: 'GET', path })
}

const isDocument = (path: string): boolean => path.startsWith('/openapi.json') || path.startsWith('/docs')

/** Submits keys until nothing is answered any more. */
export async function submitUntil(
  { call, markers }: Rig,
  url: string,
  end: () => Promise<void>,
): Promise<void> {
  let ended = false
  let answered = () => {}
  const first = new Promise<void>((resolve) => {
    answered = resolve
  })
  const sender = async () => {
    while (!ended) {
      const got = await call(url, { path: '/keys', body: { key: keyWith(markers.key), name: 'canary-name' } })
      if (got?.status === 202) answered()
    }
  }
  const senders = Array.from({ length: 8 }, sender)
  await first
  await end()
  ended = true
  await Promise.all(senders)
}
