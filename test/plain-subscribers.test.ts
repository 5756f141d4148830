import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Compile } from 'typebox/compile'
import { placementOf } from '../src/domain/ids.js'
import { KeypostEvent } from '../src/schemas/event.js'
import { build, call } from './helper.js'
import { type RedisServer, redisInstalled, redisServer, redisUrl } from './redis-server.js'
import { until } from './until.js'

const TOPICS = ['key_submission', 'profile_events', 'processing_results']
const PYTHON = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import redis']).status === 0,
)
const HOW = 'install the package redis for python3 (Debian: apt-get install python3-redis)'

function pythonInstalled(t: Test): boolean {
  if (PYTHON !== undefined) return true
  if (process.env.REQUIRE_REDIS === '1') t.fail(`no python3 has redis: ${HOW}`)
  else console.error(`NOT TESTED FROM PYTHON: no python3 has redis: ${HOW}`)
  return false
}

/** A process whose output is collected, until the test ends. */
function running(t: Test, command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const child: ChildProcess = spawn(command, args, { env: { ...process.env, ...env } })
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'close')
  })
  return { out: () => out, err: () => err }
}

const listener = ({ port }: RedisServer): string => redisUrl(port, 'listener')

const raw = (n: number) => `sk_live_raw_value_${n}_of_a_plain_test`

/** Serves on that Redis until something of everything has happened, and answers what was published, oldest first. */
async function service(t: Test, { url }: RedisServer): Promise<KeypostEvent[]> {
  const app = await build(t, { REDIS_URL: url, KEY_PEPPER: 'a pepper of plain subscribers that is long' })
  const made = await Promise.all(
    Array.from({ length: 6 }, (_, n) =>
      call(app, 'POST', '/profiles', { name: `n${n}`, email: `ada${n}@example.com` }),
    ),
  )
  const profiles = made.map(({ body }) => body.id as string)
  const submitted = await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      call(app, 'POST', '/keys', { key: raw(n % 30), name: `key ${n}`, profileId: profiles[n % 6] }),
    ),
  )
  const [first, second] = submitted.map(({ body }) => body.id as string)
  for (let n = 0; n < 5; n++) await call(app, 'PATCH', `/keys/${first}`, { name: `renamed ${n}` })
  await call(app, 'DELETE', `/keys/${second}`)
  await call(app, 'DELETE', `/profiles/${profiles[0]}`)
  await until(async () => {
    const { topics } = await app.engine.stats()
    return Object.values(topics).every(({ pending, retrying }) => pending + retrying === 0)
  })
  const events: KeypostEvent[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await app.engine.list('events', { order: 'asc', limit: 200, cursor })
    events.push(...page.items)
    if (page.nextCursor === null) return events
    cursor = page.nextCursor
  }
}

interface Got {
  id: string
  topic: string
}

/** Of what belongs together, all was heard, once, in the order in which it was published. */
function isTheSame(t: Test, heard: Got[], published: Got[]) {
  t.equal(heard.length, published.length)
  for (let partition = 0; partition < 8; partition++)
    for (const topic of TOPICS) {
      const idsOf = (events: Got[]) =>
        events
          .filter((event) => event.topic === topic && placementOf(event.id) % 8 === partition)
          .map(({ id }) => id)
      t.strictSame(idsOf(heard), idsOf(published), `${topic}, partition ${partition}`)
    }
}

t.test('redis-cli hears every event once, in order, as a CloudEvent', async (t) => {
  if (!redisInstalled(t)) return
  const server = await redisServer(t)
  const cli = running(t, 'redis-cli', ['-u', listener(server), '--raw', 'SUBSCRIBE', ...TOPICS])
  await until(() => cli.out().includes('processing_results\n3\n'))
  const published = await service(t, server)
  const messages = () =>
    [...cli.out().matchAll(/^message\n(\w+)\n(.*)\n/gm)].map(([, channel, text = '']) => ({ channel, text }))
  await until(() => messages().length >= published.length)

  const cloudEvent = Compile(KeypostEvent)
  const events = messages().map(({ channel, text }) => {
    const event: unknown = JSON.parse(text)
    if (!cloudEvent.Check(event))
      throw new Error(`not a CloudEvent: ${JSON.stringify(cloudEvent.Errors(event))}`)
    t.equal(event.topic, channel)
    return event
  })
  isTheSame(t, events, published)
  const order = (a: KeypostEvent, b: KeypostEvent) => (a.id < b.id ? -1 : 1)
  t.strictSame(events.sort(order), [...published].sort(order), 'they are those of GET /events')
  t.notOk(cli.out().includes('sk_live_raw'), 'no key is in them')
  t.ok(new Set(published.map(({ type }) => type)).size >= 6, 'something of everything happened')
})

t.test('a program in Python hears every event once, in order', async (t) => {
  if (!redisInstalled(t) || !pythonInstalled(t)) return
  const server = await redisServer(t)
  const example = fileURLToPath(new URL('../examples/plain-subscriber.py', import.meta.url))
  const python = running(t, PYTHON ?? '', [example], { REDIS_URL: listener(server) })
  await until(() => python.err().includes('listening'))
  const published = await service(t, server)
  const lines = () => python.out().split('\n').slice(0, -1)
  await until(() => lines().length >= published.length)
  isTheSame(
    t,
    lines().map((line) => {
      const [time = '', topic = '', , , id = ''] = line.split(' ')
      t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      return { id, topic }
    }),
    published,
  )
})
