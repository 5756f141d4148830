import t, { type Test } from 'tap'
import type { Handled } from '../../src/bus/handler.js'
import { partitionKeys } from '../../src/engines/redis/keys.js'
import { publish } from '../engines/contract/fixtures.js'
import { open } from '../engines/redis/fixtures.js'
import { redisInstalled, redisServer } from '../redis-server.js'
import { until } from '../until.js'
import { onEachEngine, recorded, resultOf, subscribe, things } from './fixtures.js'

/** A Redis engine with one partition, and a connection past it. */
async function redis(t: Test) {
  const { url, client } = await redisServer(t)
  return { engine: await open(t, url, { partitions: 1 }), client, keys: partitionKeys(0) }
}

t.test('data is put back to before a settlement: its event is handled again', async (t) => {
  if (!redisInstalled(t)) return
  const { engine, client, keys } = await redis(t)
  const before = new Map<string, Buffer>()
  let runs = 0
  const handler = things(async () => {
    if (++runs > 1) return recorded
    for (const key of await client.keys('keypost:{0}:*')) {
      const dump = await client.dumpBuffer(key)
      if (dump !== null && key !== keys.lease) before.set(key, dump)
    }
    return recorded
  })
  subscribe(t, engine, [handler])
  const [id = ''] = await publish(engine, 1)
  await resultOf(engine, id)

  const restore = client.multi().del(...Object.values(keys).filter((key) => key !== keys.lease))
  for (const [key, dump] of before) restore.restore(key, 0, dump, 'REPLACE')
  await restore.exec()
  t.equal(await engine.get('results', id), null)
  await resultOf(engine, id)
  t.equal(runs, 2)
})

t.test('a watermark far behind is no delay: what is settled is passed at once', async (t) => {
  if (!redisInstalled(t)) return
  const { engine, client, keys } = await redis(t)
  const first = subscribe(t, engine, [])
  const events = 3000
  await Promise.all(Array.from({ length: 100 }, () => publish(engine, events / 100)))
  await until(async () => (await engine.stats()).topics.things?.processed === events)
  await first.stop()
  await client.del(keys.watermark)

  const [last = ''] = await publish(engine, 1)
  subscribe(t, engine, [])
  await until(async () => (await engine.get('results', last)) !== null, 3000)
})

const useless: unknown[] = [undefined, null, {}, { outcome: null }, { outcome: { code: 'big', number: 1n } }]
onEachEngine(t, 'a handler that returns nothing to store fails; the others go on', async (t, engine) => {
  const bad = await publish(engine, useless.length)
  const good = await publish(engine, 2)
  const handle = ({ id }: { id: string }) =>
    bad.includes(id) ? (useless[bad.indexOf(id)] as typeof recorded) : recorded
  subscribe(t, engine, [things(handle)], { maxAttempts: 1 })
  for (const id of bad)
    t.match(await resultOf(engine, id), { status: 'dead', error: { code: 'handler_failed' } })
  for (const id of good) t.match(await resultOf(engine, id), { status: 'processed' })
})

const thrown: unknown[] = [
  undefined,
  Object.create(null),
  Symbol('thing'),
  Object.assign(new Error('no text'), { message: 5 }),
  Object.defineProperty(new Error('no text'), 'message', {
    get: () => {
      throw new Error('again')
    },
  }),
]
onEachEngine(t, 'whatever a handler throws, it has failed; the others go on', async (t, engine) => {
  const bad = await publish(engine, thrown.length)
  const good = await publish(engine, 2)
  const handler = things(({ id }) => {
    if (bad.includes(id)) throw thrown[bad.indexOf(id)]
    return recorded
  })
  subscribe(t, engine, [handler], { maxAttempts: 1 })
  for (const id of bad)
    t.match(await resultOf(engine, id), { status: 'dead', error: { code: 'handler_failed' } })
  for (const id of good) t.match(await resultOf(engine, id), { status: 'processed' })
})

onEachEngine(t, 'a settlement that the engine cannot take fails its event alone', async (t, engine) => {
  const bad = await publish(engine, 1)
  const good = await publish(engine, 5)
  const broken = {
    writes: [{ kind: 'keys', before: undefined, after: undefined }],
  } as unknown as Handled['change']
  const handle = ({ id }: { id: string }): Handled =>
    bad.includes(id) && broken !== undefined ? { ...recorded, change: broken } : recorded
  subscribe(t, engine, [things(handle)], { maxAttempts: 1 })
  for (const id of bad)
    t.match(await resultOf(engine, id), { status: 'dead', error: { code: 'not_settled' } })
  for (const id of good) t.match(await resultOf(engine, id), { status: 'processed' })
})
