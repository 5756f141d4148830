import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError } from '../../src/config.js'
import { loadHandlers } from '../../src/handlers/load.js'
import { build, call, folder, settled } from '../helper.js'
import { run } from '../process.js'

/** A folder with these modules in it. */
async function modules(t: Test, files: Record<string, string>): Promise<string> {
  const path = await folder(t)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(path, name, '..'), { recursive: true })
    await writeFile(join(path, name), text)
  }
  return path
}

const handler = (rest = '', topic = 'orders') =>
  `export default { topic: '${topic}', type: 'order.placed', handle: () => ({}), ${rest} }`

t.test('what is wrong with a folder or a module is said in one line that names it', async (t) => {
  const cases: [string, Record<string, string>, RegExp][] = [
    ['a folder without modules', { 'notes.txt': '', 'a.d.mts': '' }, /has no \.js, \.mjs or \.ts module/],
    ['no default export', { 'a.mjs': 'export const topic = 1' }, /a\.mjs: has no default export/],
    [
      'one that throws',
      { 'a.mjs': 'throw new Error("no database")' },
      /a\.mjs: cannot be loaded: no database/,
    ],
    ['one that is not JavaScript', { 'a.mjs': 'export default {' }, /a\.mjs: cannot be loaded: Unexpected/],
    ['an import that is not there', { 'a.mjs': 'import "nowhere"' }, /a\.mjs: cannot be loaded: .*nowhere/],
    ['not an object', { 'a.mjs': 'export default 3' }, /a\.mjs: must be object/],
    ['no topic', { 'a.mjs': 'export default { type: "a", handle() {} }' }, /a\.mjs: .*topic/],
    ['no handle', { 'a.mjs': 'export default { topic: "a", type: "a" }' }, /a\.mjs: .*handle/],
    [
      'no function',
      { 'a.mjs': 'export default { topic: "a", type: "a", handle: 1 }' },
      /handle must be a func/,
    ],
    ['a bad topic', { 'a.mjs': handler('', 'Orders') }, /a\.mjs: topic must match/],
    ['a reserved topic', { 'a.mjs': handler('', 'key_submission') }, /a\.mjs: the topic key_submission is/],
    ['an unknown property', { 'a.mjs': handler('retries: 3') }, /a\.mjs: has unknown properties: retries$/],
    [
      'an unknown setting',
      { 'a.mjs': handler('settings: { retries: 3 }') },
      /settings has unknown .*: retries$/,
    ],
    ['a bad setting', { 'a.mjs': handler('settings: { maxAttempts: 0 }') }, /settings\.maxAttempts must be/],
    ['a bad schema', { 'a.mjs': handler('schema: { pattern: "[" }') }, /a\.mjs: schema cannot be compiled/],
    ['a schema that is none', { 'a.mjs': handler('schema: "string"') }, /a\.mjs: schema must be object/],
    [
      'two for one type',
      { 'a.mjs': handler(), 'b.mjs': handler() },
      /b\.mjs: .* handler already, in a\.mjs$/,
    ],
    ['one that is wrong in many', { 'a.mjs': 'export default [1]' }, /a\.mjs: must be object/],
  ]
  for (const [name, files, message] of cases) {
    const error = await loadHandlers(await modules(t, files)).catch((error) => error)
    t.ok(error instanceof ConfigError, name)
    t.match(error.message, message, name)
    t.match(error.message, /^HANDLERS: [^\n]*$/, name)
  }
  await t.rejects(loadHandlers('/nowhere/at/all'), { message: /^HANDLERS: \/nowhere\/at\/all: .*ENOENT/ })
})

t.test('one or many a module; folders below are for what they import', async (t) => {
  const path = await modules(t, {
    'b.mjs': handler('', 'b'),
    'many.mjs': `import { one } from './lib/one.mjs'\nexport default [one, { ...one, type: 'two' }]`,
    'lib/one.mjs': `export const one = { topic: 'a', type: 'one', handle: () => undefined }`,
    'data.json': '{}',
  })
  const handlers = await loadHandlers(path)
  t.same(
    handlers.map(({ topic, type }) => `${topic}/${type}`),
    ['b/order.placed', 'a/one', 'a/two'],
  )
})

const returning = (topic: string, value: string) =>
  `{ topic: '${topic}', type: 'asked', settings: { maxAttempts: 2, retryBaseMs: 1 }, handle: async () => ${value} }`

t.test('what a handler returns is the outcome of its event', async (t) => {
  const outcomes: [string, string, object][] = [
    ['nothing', 'undefined', { code: 'processed' }],
    ['null', 'null', { code: 'processed' }],
    ['text', '"fine"', { code: 'processed', value: 'fine' }],
    ['false', 'false', { code: 'processed', value: false }],
    ['object', '({ outcome: "win" })', { code: 'processed', value: { outcome: 'win' } }],
    ['outcome', '({ outcome: { code: "paid", by: "card" } })', { code: 'paid', by: 'card' }],
  ]
  const all = outcomes.map(([topic, value]) => returning(topic, value))
  const path = await modules(t, { 'a.mjs': `export default [${all}, ${returning('bad', '10n')}]` })
  const app = await build(t, { HANDLERS: path })
  const resultOf = async (topic: string) => {
    const { body } = await call(app, 'POST', `/topics/${topic}/events`, { type: 'asked', data: 1 })
    return settled(app, body.id)
  }
  for (const [topic, value, outcome] of outcomes)
    t.strictSame((await resultOf(topic)).outcome, outcome, value)
  t.match(await resultOf('bad'), { status: 'dead', attempts: 2, error: { code: 'handler_failed' } })
})

t.test('a handler has its own timeout, and its context', async (t) => {
  const path = await modules(t, {
    'slow.mjs': `export default {
      topic: 'slow', type: 'asked', settings: { maxAttempts: 1, handlerTimeoutMs: 20 },
      handle: (event, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
    }`,
    'chained.mjs': `export default [{
      topic: 'first', type: 'asked',
      handle: async (event, { publisher, engine, attempt, log }) => {
        log.info('asked again')
        const next = { specversion: '1.0', source: '/first', id: event.id, type: 'asked', data: event.data }
        const { id } = await publisher.publishEvent('second', next)
        await publisher.publishEvent('second', next)
        return { next: id, known: (await engine.get('events', event.id)).id, attempt }
      },
    }]`,
  })
  const lines: string[] = []
  const app = await build(t, { HANDLERS: path }, { write: (line) => lines.push(line) })
  const post = async (topic: string) =>
    (await call(app, 'POST', `/topics/${topic}/events`, { type: 'asked', data: 'x' })).body.id
  t.match(await settled(app, await post('slow')), { status: 'dead', error: { code: 'timeout' } })

  const id = await post('first')
  const { outcome } = await settled(app, id)
  t.match(outcome, { value: { known: id, attempt: 1 } })
  t.match(await settled(app, outcome.value.next), { topic: 'second', outcome: { code: 'recorded' } })
  const { body } = await call(app, 'GET', '/events?topic=second')
  t.equal(body.items.length, 1, 'a CloudEvent with an id of its own is published once')
  const line = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'asked again')
  t.match(line, { eventId: id, topic: 'first', type: 'asked', attempt: 1 })
})

t.test('what a handler publishes is checked, so that it can be read', async (t) => {
  const events = [
    "'Out', { type: 't', data: 1 }",
    "'out', { data: 1 }",
    "'out', { type: 'a\\0b', data: 1 }",
    "'out', { type: 't', subject: 17, data: 1 }",
    "'out', { specversion: '1.0', id: '1', source: '/s', type: 't', not_a_name: {}, data: 1 }",
  ]
  const publishing = (event: string, i: number) => `{
    topic: 'in', type: 't${i}', settings: { maxAttempts: 1 },
    handle: (_, { publisher }) => publisher.publishEvent(${event}),
  }`
  const path = await modules(t, { 'a.mjs': `export default [${events.map(publishing)}]` })
  const app = await build(t, { HANDLERS: path })
  for (const [i, event] of events.entries()) {
    const { body } = await call(app, 'POST', '/topics/in/events', { type: `t${i}`, data: 1 })
    t.match(await settled(app, body.id), { status: 'dead', error: { code: 'invalid_request' } }, event)
  }
  t.equal((await call(app, 'GET', '/events')).status, 200)
  t.equal((await call(app, 'GET', '/results')).status, 200)
})

t.test('data that does not fit is refused with pointers, and nothing is echoed', async (t) => {
  const schema = `{ type: 'object', required: ['name'], additionalProperties: false,
    properties: { name: { type: 'string', maxLength: 5 }, at: { type: 'object', properties: { x: { type: 'integer' } } } } }`
  const app = await build(t, {
    HANDLERS: await modules(t, { 'a.mjs': handler(`schema: ${schema}`) }),
  })
  const post = (data: unknown, headers = {}) =>
    call(app, 'POST', '/topics/orders/events', { type: 'order.placed', data }, headers)
  const refused: [unknown, string[]][] = [
    [{}, ['/data/name']],
    [{ name: 'secret', at: { x: 'secret' } }, ['/data/name', '/data/at/x']],
    [{ name: 'a', secret: 1 }, ['/data']],
    ['secret', ['/data']],
    [null, ['/data']],
  ]
  for (const [data, pointers] of refused) {
    const { status, body } = await post(data)
    t.match({ status, code: body.code }, { status: 422, code: 'schema_mismatch' })
    t.same(
      body.errors.map(({ pointer }: { pointer: string }) => pointer),
      pointers,
      JSON.stringify(data),
    )
    t.notMatch(JSON.stringify(body), /secret/)
  }
  t.equal((await call(app, 'GET', '/stats')).body.topics.orders, undefined, 'nothing was written')
  const key = { 'idempotency-key': 'k' }
  t.equal((await post({}, key)).status, 422)
  t.equal((await post({ name: 'a' }, key)).status, 202, 'a refusal is not remembered')
  const other = await call(app, 'POST', '/topics/orders/events', { type: 'order.cancelled', data: {} })
  t.equal(other.status, 202, 'other types are not checked')
})

t.test('a service whose handlers cannot be loaded does not start, and says why in one line', async (t) => {
  const HANDLERS = await modules(t, { 'a.mjs': handler('retries: 3') })
  const service = await run(t, ['serve'], { HANDLERS })
  t.equal(await service.exit, 1)
  t.equal(service.err(), 'keypost: HANDLERS: a.mjs: has unknown properties: retries\n')
})
