import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { type EventSource, eventSource, heard } from '../event-source.js'
import { build, call, until } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'

const PEPPER = 'a pepper of 32 characters or more'

/** Where it listens. */
const listening = (app: FastifyInstance) => app.listen({ port: 0, host: '127.0.0.1' })

/** Publishes things with these numbers, one after another. */
async function publish(app: FastifyInstance, ...numbers: number[]): Promise<void> {
  for (const data of numbers)
    await until(async () => {
      const { status } = await call(app, 'POST', '/topics/things/events', { type: 'thing', data })
      return status === 202
    })
}

/** Where a client stands that has received nothing yet. */
const placeOf = (source: EventSource) => until(() => source.lastEventId !== '' && source.lastEventId)

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const THINGS = '/events/stream?topic=things'

function suite(t: Test, start: (t: Test, env?: Record<string, string>) => Promise<FastifyInstance>) {
  t.test('everything that is published after the headers comes, as CloudEvents', async (t) => {
    const app = await start(t)
    const url = await listening(app)
    await publish(app, 0)
    const source = await eventSource(t, url + THINGS)
    t.match(source.response, {
      statusCode: 200,
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-request-id': String,
      },
    })
    await publish(app, ...numbers(1, 30))
    t.strictSame(await heard(source, 30), numbers(1, 30))
    const { items } = (await call(app, 'GET', '/events?topic=things&order=asc')).body
    t.same(
      source.messages.map(({ data }) => data),
      items.slice(1),
    )
    t.ok(source.comments.length > 0, 'it says that it is open')
  })

  t.test('filters: by topic, by type, all of them', async (t) => {
    const app = await start(t)
    const url = await listening(app)
    const typed = await eventSource(t, `${url}/events/stream?type=event.processed`)
    const all = await eventSource(t, `${url}/events/stream`)
    const none = await eventSource(t, `${url}/events/stream?topic=others`)
    await publish(app, 1)
    await heard(all, 2)
    await heard(typed, 1)
    t.strictSame(all.messages.map(({ data }) => (data as { topic: string }).topic).sort(), [
      'processing_results',
      'things',
    ])
    t.match(typed.messages, [{ data: { type: 'event.processed' } }])
    t.strictSame(none.messages, [])
    for (const query of ['topic=UPPER', 'types=a', 'topic=a&topic=b'])
      t.match(await call(app, 'GET', `/events/stream?${query}`), {
        status: 400,
        body: { code: 'invalid_request' },
      })
  })

  t.test('who comes back goes on exactly there, by header or query', async (t) => {
    const app = await start(t)
    const url = await listening(app)
    const first = await eventSource(t, url + THINGS)
    const beginning = await placeOf(first)
    await publish(app, ...numbers(1, 150))
    await heard(first, 150)
    first.close()
    await publish(app, ...numbers(151, 160))
    for (const at of [0, 49, 148, 149]) {
      const id = first.messages[at]?.id ?? ''
      const source = await eventSource(t, url + THINGS, { 'last-event-id': id })
      t.strictSame(await heard(source, 159 - at), numbers(at + 2, 160))
    }
    const again = await eventSource(t, `${url}${THINGS}&lastEventId=${beginning}`)
    t.strictSame(await heard(again, 160), numbers(1, 160), 'it had a place before the first message')
    const both = await eventSource(t, `${url}${THINGS}&lastEventId=${beginning}`, {
      'last-event-id': first.messages[149]?.id ?? '',
    })
    t.strictSame(await heard(both, 10), numbers(151, 160), 'the header goes first')
    await publish(app, 161)
    t.equal((await heard(again, 161)).at(-1), 161)
    t.equal((await heard(both, 11)).at(-1), 161)
  })

  t.test('an id that is none: 400, and which', async (t) => {
    const app = await start(t)
    const all = await eventSource(t, `${await listening(app)}/events/stream`)
    const other = await placeOf(all)
    for (const id of ['nonsense', other]) {
      const header = await call(app, 'GET', THINGS, undefined, { 'last-event-id': id })
      t.match(header, {
        status: 400,
        body: { code: 'invalid_cursor', errors: [{ in: 'header', pointer: '/last-event-id' }] },
      })
      t.match(String(header.headers['content-type']), /problem/)
      const query = await call(app, 'GET', `${THINGS}&lastEventId=${id}`)
      t.match(query, {
        status: 400,
        body: { code: 'invalid_cursor', errors: [{ in: 'query', pointer: '/lastEventId' }] },
      })
    }
    t.equal(app.streams.count, 1, 'what is refused takes no place')
  })

  t.test('HEAD ends', async (t) => {
    const app = await start(t)
    const { statusCode, headers, body } = await app.inject({ method: 'HEAD', url: '/events/stream' })
    t.match(
      { statusCode, headers, body },
      { statusCode: 200, headers: { 'content-type': 'text/event-stream' }, body: '' },
    )
    t.equal(app.streams.count, 0)
  })

  t.test('so many a client; who goes away makes room', async (t) => {
    const app = await start(t, { MAX_STREAMS: '2' })
    const url = await listening(app)
    const [one] = [await eventSource(t, url + THINGS), await eventSource(t, url + THINGS)]
    const refused = await call(app, 'GET', THINGS)
    t.match(refused, { status: 429, headers: { 'retry-after': /^\d+$/ }, body: { code: 'too_many_streams' } })
    one?.close()
    await until(() => app.streams.count === 1)
    const next = await eventSource(t, url + THINGS)
    await publish(app, 1)
    t.strictSame(await heard(next, 1), [1])
  })

  t.test('what retention took is told of, and the rest comes', async (t) => {
    const app = await start(t, { EVENT_TTL_MS: '1', LEASE_MS: '500', MAX_ATTEMPTS: '1' })
    const url = await listening(app)
    const source = await eventSource(t, url + THINGS)
    const place = await placeOf(source)
    await publish(app, 1, 2)
    await heard(source, 2)
    t.strictSame(
      source.messages.filter(({ name }) => name !== null),
      [],
      'who was there misses nothing',
    )
    source.close() // what readers share would help
    await until(() => app.streams.count === 0)
    await until(async () => (await call(app, 'GET', '/events?topic=things')).body.items.length === 0)
    const late = await eventSource(t, url + THINGS, { 'last-event-id': place })
    await until(() => late.messages.length > 0)
    t.match(late.messages[0], { name: 'reset', data: { reason: 'swept' } })
    await publish(app, 3)
    t.strictSame(await heard(late, 1), [3])
    const again = await eventSource(t, url + THINGS, { 'last-event-id': late.messages[1]?.id ?? '' })
    await publish(app, 4)
    t.strictSame(await heard(again, 1), [4])
    t.equal(again.messages.length, 1, 'once')
  })

  t.test('for a client that does not read little is kept, and others do not wait', async (t) => {
    const app = await start(t)
    const { port } = new URL(await listening(app))
    const before = await eventSource(t, `http://127.0.0.1:${port}${THINGS}`)
    const id = await placeOf(before)
    before.close()
    const socket = connect(Number(port), '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.pause()
    socket.write(`GET ${THINGS} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await until(() => app.streams.count === 1)
    const filler = 'x'.repeat(60_000)
    for (let n = 0; n < 200; n++)
      await call(app, 'POST', '/topics/things/events', { type: 'thing', data: { n, filler } })
    t.ok(app.streams.buffered < 200_000, `${app.streams.buffered} characters wait, of 12 million`)
    const other = await eventSource(t, `http://127.0.0.1:${port}${THINGS}`, { 'last-event-id': id })
    t.equal((await heard(other, 200)).length, 200, 'others do not wait for it')
  })

  t.test('it ends with a whole message when the service stops, quickly', async (t) => {
    const app = await start(t)
    const url = await listening(app)
    const sources = await Promise.all(numbers(1, 5).map(() => eventSource(t, url + THINGS)))
    await publish(app, 1, 2, 3)
    await Promise.all(sources.map((source) => heard(source, 3)))
    const before = performance.now()
    await app.close()
    t.ok(performance.now() - before < 5000)
    await until(() => sources.every(({ isWhole }) => isWhole))
  })
}

t.test('embedded', async (t) => suite(t, build))

t.test('a place of other data is told to be lost, and all that is kept follows', async (t) => {
  const [other, app] = [await build(t), await build(t)]
  await publish(other, 1)
  const source = await eventSource(t, (await listening(other)) + THINGS)
  const place = await placeOf(source)
  await publish(app, 2, 3)
  const url = await listening(app)
  const lost = await eventSource(t, url + THINGS, { 'last-event-id': place })
  t.strictSame(await heard(lost, 2), [2, 3])
  t.match(lost.messages[0], { name: 'reset', data: { reason: 'lost' } })
  t.equal(lost.messages.length, 3)
})

t.test('operators see how many there are, and each that its client left', async (t) => {
  const lines: string[] = []
  const app = await build(t, { LOG_LEVEL: 'info' }, { write: (line) => lines.push(line) })
  const url = await listening(app)
  const gauge = async () => /^keypost_streams (\d+)$/m.exec((await app.inject('/metrics')).body)?.[1]
  const left = () => lines.filter((line) => JSON.parse(line).msg === 'left')
  const source = await eventSource(t, url + THINGS)
  t.equal(await gauge(), '1')
  t.strictSame(left(), [])
  source.close()
  await until(() => left().length > 0)
  t.match(JSON.parse(left()[0] ?? ''), { level: 30, method: 'GET', route: '/events/stream', status: 200 })
  await until(async () => (await gauge()) === '0')
})

t.test('with the most partitions there may be, cursors and ids are still taken', async (t) => {
  const app = await build(t, { PARTITIONS: '256' })
  const url = await listening(app)
  const source = await eventSource(t, `${url}/events/stream`)
  await Promise.all(numbers(1, 600).map((number) => publish(app, number)))
  await until(() => source.messages.length === 1200) // the events and their results
  source.close()

  let path = '/events?order=asc&limit=200'
  let found = 0
  for (let more = true; more; ) {
    const { status, body } = await call(app, 'GET', path)
    t.equal(status, 200)
    found += body.items.length
    path = `/events?order=asc&limit=200&cursor=${body.nextCursor}`
    more = body.nextCursor !== null
  }
  t.equal(found, 1200)

  t.ok(source.lastEventId.length > 5000)
  const again = await eventSource(t, `${url}/events/stream?topic=things`)
  const id = { 'last-event-id': source.lastEventId }
  const all = await eventSource(t, `${url}/events/stream`, id)
  await publish(app, 601)
  t.strictSame(await heard(again, 1), [601])
  await heard(all, 2)
  t.equal(all.messages.length, 2, 'it goes on where it was')
})

if (redisInstalled(t))
  t.test('redis', async (t) => {
    suite(t, async (t, env = {}) => {
      const { url } = await redisServer(t)
      return build(t, { REDIS_URL: url, KEY_PEPPER: PEPPER, ...env })
    })
  })
