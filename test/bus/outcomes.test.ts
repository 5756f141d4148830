import t, { type Test } from 'tap'
import { Outcomes } from '../../src/bus/outcomes.js'
import { newId, placementOf } from '../../src/domain/ids.js'
import type { Engine, News } from '../../src/engines/engine.js'
import { Unavailable } from '../../src/engines/errors.js'
import { until } from '../until.js'
import { gate, onEachEngine, over, publisherOn, recorded, resultOf, subscribe, things } from './fixtures.js'

const LONG = 30_000
const nobody = new AbortController().signal

const publish = (engine: Engine, subject = 'a') =>
  publisherOn(engine).publishEvent('things', { type: 'thing.happened', subject, data: {} })

/** Closed when the test ends; what it logs fails the test. */
function outcomes(t: Test, engine: Engine, maxWaiting?: number): Outcomes {
  const made = new Outcomes(engine, { error: (_, message) => t.fail(message) }, maxWaiting)
  t.teardown(() => made.close())
  return made
}

/** What is published from now on. */
async function newsOf(t: Test, engine: Engine): Promise<News[]> {
  const news: News[] = []
  t.teardown(engine.watch((_partition, what) => news.push(what)))
  // Whoever subscribes cannot know what was before, and is woken.
  if (engine.name === 'redis') await until(() => news.length > 0)
  news.length = 0
  return news
}

onEachEngine(t, 'a result is told of as soon as there is one', async (t, engine) => {
  const handled = gate()
  subscribe(t, engine, [things(async () => handled.opened.then(() => recorded))])
  const waiting = outcomes(t, engine)
  const { id } = await publish(engine)
  const two = [waiting.of(id, LONG, nobody), waiting.of(id, LONG, nobody)]
  t.equal(waiting.waiting, 2)
  handled.open()
  for (const result of await Promise.all(two)) t.strictSame(result, await resultOf(engine, id))
  t.equal(waiting.waiting, 0)
})

onEachEngine(t, 'so is one that was there before', async (t, engine) => {
  subscribe(t, engine, [things(async () => recorded)])
  const { id } = await publish(engine)
  const result = await resultOf(engine, id)
  const waiting = outcomes(t, engine)
  t.strictSame(await waiting.of(id, LONG, nobody), result)
  t.strictSame(await waiting.of(id, 0, nobody), result, 'also for those who do not wait')
  t.equal(waiting.waiting, 0)
})

onEachEngine(t, 'and one that comes just before its follower is in place', async (t, engine) => {
  const followed = gate()
  const late = over(engine, {
    list: async (kind, query) => followed.opened.then(() => engine.list(kind, query)),
  })
  const { id } = await publish(engine)
  const result = outcomes(t, late).of(id, LONG, nobody)
  subscribe(t, engine, [things(async () => recorded)])
  await resultOf(engine, id)
  followed.open()
  t.match(await result, { id, status: 'processed' })
})

onEachEngine(t, 'one follower serves all, while there are any', async (t, engine) => {
  let begun = 0
  let running = 0
  const counted = over(engine, {
    watch: (wake) => {
      begun++
      running++
      const unwatch = engine.watch(wake)
      return () => {
        running--
        unwatch()
      }
    },
  })
  const handled = gate()
  subscribe(t, engine, [things(async () => handled.opened.then(() => recorded))])
  const waiting = outcomes(t, counted)
  const round = async () => {
    const events = await Promise.all(Array.from({ length: 20 }, (_, i) => publish(engine, `${i}`)))
    const results = events.map(({ id }) => waiting.of(id, LONG, nobody))
    await until(() => running === 1)
    handled.open()
    for (const [i, result] of (await Promise.all(results)).entries()) t.equal(result?.id, events[i]?.id)
    await until(() => running === 0)
  }
  await round()
  t.equal(begun, 1, 'one for twenty')
  const { id } = await publish(engine, 'another')
  t.match(await waiting.of(id, LONG, nobody), { id }, 'and another when somebody waits again')
})

onEachEngine(t, 'who waits in vain is told so, and its place is free', async (t, engine) => {
  const waiting = outcomes(t, engine, 2)
  const { id } = await publish(engine)
  const [gone, other] = [new AbortController(), new AbortController()]
  const first = waiting.of(id, LONG, gone.signal)
  const second = waiting.of(id, LONG, other.signal)
  t.equal(await waiting.of(id, LONG, nobody), null, 'there are places for two')
  t.equal(waiting.waiting, 2)
  gone.abort()
  t.equal(waiting.waiting, 1, 'who goes away leaves at once')
  t.equal(await first, null)
  t.equal(await waiting.of(id, 20, nobody), null, 'the time is up')
  t.equal(await waiting.of(id, LONG, gone.signal), null, 'gone before it could wait')
  t.equal(waiting.waiting, 1)
  waiting.close()
  t.equal(await second, null, 'at the end nobody is kept')
  t.equal(await waiting.of(id, LONG, nobody), null, 'nor after it')
  t.equal(waiting.waiting, 0)
})

onEachEngine(t, 'an outage is waited out, or told as nothing', async (t, engine) => {
  let away = true
  const call =
    <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (away) throw new Unavailable('away')
      return method.apply(engine, args)
    }
  const shaky = over(engine, { list: call(engine.list), get: call(engine.get) } as Partial<Engine>)
  subscribe(t, engine, [things(async () => recorded)])
  const waiting = outcomes(t, shaky)
  const { id } = await publish(engine)
  t.equal(await waiting.of(id, 20, nobody), null)
  t.equal(await waiting.of(id, 0, nobody), null)
  const result = waiting.of(id, LONG, nobody)
  await resultOf(engine, id)
  away = false
  t.match(await result, { id, status: 'processed' })
})

onEachEngine(
  t,
  'a result wakes those who follow, and says that there is nothing to handle',
  async (t, engine) => {
    const { id } = await publish(engine)
    const news = await newsOf(t, engine)
    subscribe(t, engine, [things(async () => recorded)])
    await resultOf(engine, id)
    await until(() => news.includes('results'))
    const before = news.filter((what) => what === 'events').length
    await publish(engine, 'b')
    await until(() => news.filter((what) => what === 'events').length > before)
  },
)

onEachEngine(t, 'a result wakes those who follow also if its settlement publishes', async (t, engine) => {
  const { id } = await publish(engine)
  const news = await newsOf(t, engine)
  const event = { specversion: '1.0', source: '/', topic: 'others', type: 'x', data: {} } as const
  const change = { events: [{ ...event, id: newId(placementOf(id)) }] }
  subscribe(t, engine, [things(async () => ({ ...recorded, change }))])
  await resultOf(engine, id)
  await until(() => news.includes('events'))
  await until(() => news.filter((what) => what === 'results').length === 2) // its own, and that of what it published
})
