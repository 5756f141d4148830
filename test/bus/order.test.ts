import t from 'tap'
import { publish } from '../engines/contract/fixtures.js'
import { until } from '../until.js'
import { onEachEngine, recorded, resultOf, subscribe, things } from './fixtures.js'

onEachEngine(
  t,
  'the events of a subject are handled in publish order, each once the one before is settled',
  async (t, engine) => {
    const published = new Map<string, string[]>()
    for (const subject of ['a', 'b', 'c'])
      published.set(subject, await publish(engine, 15, 0, { subject: `things/${subject}` }))
    const handled = new Map<string, string[]>()
    const tooEarly: string[] = []
    subscribe(t, engine, [
      things(async ({ id, subject = '' }) => {
        const before = handled.get(subject) ?? []
        handled.set(subject, [...before, id])
        const last = before.at(-1)
        if (last !== undefined && (await engine.get('results', last)) === null) tooEarly.push(id)
        return recorded
      }),
    ])
    // More come while they are being handled.
    for (const [subject, ids] of published)
      ids.push(...(await publish(engine, 15, 0, { subject: `things/${subject}` })))
    for (const ids of published.values()) await resultOf(engine, ids.at(-1) ?? '')
    for (const [subject, ids] of published) t.strictSame(handled.get(`things/${subject}`), ids)
    t.strictSame(tooEarly, [])
  },
)

onEachEngine(
  t,
  'different subjects are handled side by side, within and across partitions',
  async (t, engine) => {
    const running = new Set<string>()
    const ids: string[] = []
    for (const [i, subject] of ['a', 'b', 'c', 'd'].entries())
      ids.push(...(await publish(engine, 1, i % 2, { subject })))
    // None ends before all have begun: one after the other they would wait for ever.
    subscribe(t, engine, [
      things(async ({ id }) => {
        running.add(id)
        await until(() => running.size === ids.length)
        return recorded
      }),
    ])
    for (const id of ids) t.equal((await resultOf(engine, id)).status, 'processed')
  },
  { partitions: 2 },
)

onEachEngine(t, 'no more handlers run at once than is set', async (t, engine) => {
  const ids = await publish(engine, 20)
  let [running, most] = [0, 0]
  subscribe(
    t,
    engine,
    [
      things(async () => {
        most = Math.max(most, ++running)
        await engine.get('results', 'nothing')
        running--
        return recorded
      }),
    ],
    { concurrency: 3 },
  )
  for (const id of ids) await resultOf(engine, id)
  t.ok(most <= 3 && most > 1, String(most))
})

onEachEngine(t, 'an event that nobody handles is recorded', async (t, engine) => {
  const [id = ''] = await publish(engine, 1, 0, { type: 'thing.updated', changed: 'name,size' })
  subscribe(t, engine, [])
  const { status, outcome, handler } = await resultOf(engine, id)
  t.strictSame(
    { status, outcome, handler },
    {
      status: 'processed',
      outcome: { code: 'recorded', changed: ['name', 'size'] },
      handler: 'record',
    },
  )
})
