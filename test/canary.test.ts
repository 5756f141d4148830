import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { keyWith, send } from './canary/requests.js'
import { keepFiles, type Rig, rigOf } from './canary/rig.js'
import { submitUntil, walk } from './canary/walk.js'
import { collector } from './collector.js'
import { build, folder, until } from './helper.js'
import { asAdmin, freePort, redisInstalled, redisServer } from './redis-server.js'

/** Nothing is found of a secret; and what must be there is, so that the search is known to read what it says. */
function searched(t: Test, rig: Rig, known: Record<string, string>): void {
  const { places, leaks } = rig
  t.strictSame(leaks(), [], 'no secret anywhere')
  for (const [place, text] of Object.entries(known))
    t.equal(places.search(place, { known: [Buffer.from(text)] }).length, 1, `${place} has "${text}"`)
  t.strictSame(places.names.sort(), Object.keys(known).sort(), 'every place was looked at')
}

/** Keeps what GET /events/stream sends, once it is open. */
async function follow(rig: Rig, url: string): Promise<void> {
  const answer = await fetch(`${url}/events/stream`, { headers: { authorization: `Bearer ${rig.token}` } })
  const read = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of answer.body ?? []) rig.places.add('stream', decoder.decode(chunk))
  }
  read().catch(() => {}) // its process is killed
}

t.test('no key, token or pepper leaves the embedded engine', async (t) => {
  const spans = await collector(t)
  const DATA_DIR = await folder(t)
  const rig = await rigOf(t, { DATA_DIR, OTEL_EXPORTER_OTLP_ENDPOINT: spans.url })
  const { process, url } = await rig.start()
  await follow(rig, url)
  await walk(t, rig, url)
  await submitUntil(rig, url, async () => {
    process.child.kill('SIGKILL')
    await process.exit
  })
  const again = await rig.start()
  await walk(t, rig, again.url)
  again.process.child.kill('SIGTERM')
  t.equal(await again.process.exit, 0)

  await keepFiles(rig.places, 'data', DATA_DIR)
  for (const received of spans.received) rig.places.add('traces', received)
  searched(t, rig, {
    answers: 'canary-name',
    data: 'canary-name',
    traces: '/keys/:id/revoke',
    stream: 'canary-name',
    'standard output': '/keys/:id/revoke',
    'standard error': 'indiscreet',
  })
})

t.test('nor one that is refused for its rate', async (t) => {
  const rig = await rigOf(t)
  const app = await build(t, { RATE_LIMIT: '1' }, { write: (line) => rig.places.add('log', line) })
  const url = await app.listen({ port: 0 })
  const body = { key: keyWith(rig.markers.key), name: 'canary-name' }
  const answers = [await send(url, { path: '/keys', body }), await send(url, { path: '/keys', body })]
  t.strictSame(
    answers.map(({ status }) => status),
    [202, 429],
  )
  for (const { whole } of answers) rig.places.add('answers', whole)
  searched(t, rig, { answers: 'canary-name', log: '"route":"/keys"' })
})

if (redisInstalled(t)) {
  t.test('nor Redis, whatever becomes of it', async (t) => {
    const spans = await collector(t)
    const server = await redisServer(t, {
      args: [
        '--slowlog-log-slower-than',
        '0',
        '--slowlog-max-len',
        '100000',
        '--latency-monitor-threshold',
        '1',
        '--rdbcompression',
        'no',
      ],
    })
    const rig = await rigOf(t, { REDIS_URL: server.url, OTEL_EXPORTER_OTLP_ENDPOINT: spans.url })
    const { places, call, markers } = rig
    const keep = async () => {
      const { client } = server
      places.add('slow log', JSON.stringify(await client.call('SLOWLOG', 'GET', '-1')))
      places.add(
        'server',
        JSON.stringify([
          await client.call('LATENCY', 'LATEST'),
          await client.client('LIST'),
          await client.info('everything'),
        ]),
      )
    }
    /** As bytes: a client of MONITOR that connects again is out of step. */
    const monitor = async () => {
      const { port, username, password } = asAdmin(server.port)
      const socket = connect(port ?? 0, '127.0.0.1')
      socket.on('error', () => {}) // its server is killed
      socket.write(`AUTH ${username} ${password}\r\nMONITOR\r\n`)
      await once(socket, 'data')
      socket.on('data', (bytes) => places.add('monitor', bytes))
      t.teardown(() => socket.destroy())
    }
    const listener = server.client.duplicate()
    listener.on('error', () => {})
    listener.on('pmessage', (_pattern, channel, message) => places.add('channels', `${channel} ${message}\n`))
    t.teardown(() => listener.disconnect())
    const submit = () =>
      call(url, { path: '/keys', body: { key: keyWith(markers.key), name: 'canary-name' } })

    const { url, process } = await rig.start()
    const processor = await rig.start(['process'])
    await monitor()
    await listener.psubscribe('*')
    await follow(rig, url)
    await walk(t, rig, url)
    await submitUntil(rig, url, async () => {
      processor.process.child.kill('SIGKILL')
      await processor.process.exit
    })

    await server.client.config('SET', 'maxmemory', '1')
    t.equal((await submit())?.status, 503, 'out of memory')
    await server.client.config('SET', 'maxmemory', '0')
    await server.client.replicaof('127.0.0.1', await freePort())
    t.equal((await submit())?.status, 503, 'read-only')
    await server.client.replicaof('NO', 'ONE')
    await until(async () => (await submit())?.status === 202)
    await keep()

    await submitUntil(rig, url, () => server.kill())
    t.equal((await submit())?.status, 503, 'away')
    await server.start()
    await monitor()
    await until(async () => (await submit())?.status === 202)
    await walk(t, rig, url)
    await keep()
    process.child.kill('SIGTERM')
    t.equal(await process.exit, 0)

    const [, dir = ''] = (await server.client.config('GET', 'dir')) as string[]
    await keepFiles(places, 'files of Redis', dir)
    await server.client.call('SAVE')
    await server.client.bgrewriteaof()
    await until(async () => (await server.client.info('persistence')).includes('aof_rewrite_in_progress:0'))
    await keepFiles(places, 'files of Redis', dir)
    for (const received of spans.received) places.add('traces', received)
    searched(t, rig, {
      answers: 'canary-name',
      'files of Redis': 'canary-name',
      monitor: 'canary-name',
      channels: 'canary-name',
      'slow log': 'evalsha',
      server: 'used_memory',
      stream: 'canary-name',
      traces: '/keys/:id/revoke',
      'standard output': '/keys/:id/revoke',
      'standard error': 'indiscreet',
    })
  })
}
