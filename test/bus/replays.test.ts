import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Replayer, type ReplayerParts, Replays } from '../../src/bus/replays.js'
import { newId } from '../../src/domain/ids.js'
import type { Engine } from '../../src/engines/engine.js'
import { Unavailable } from '../../src/engines/errors.js'
import type { Replay, ReplayInput } from '../../src/schemas/replay.js'
import { publish } from '../engines/contract/fixtures.js'
import { until } from '../until.js'
import { onEachEngine, over, recorded, subscribe, Tally, things } from './fixtures.js'

const SINCE = '2020-01-01T00:00:00Z'
const log = { debug() {}, info() {}, warn() {}, error() {} }
const operation = () => ({ id: newId(), ttlMs: 60_000 })
const noPause = () => turn()

/** Publishes events of three subjects a partition, and has them processed. */
async function processedEvents(t: Test, engine: Engine, count: number): Promise<string[]> {
  const { partitions } = engine.layout
  const subjects = [0, 1, 2, 3, 4, 5].map((n) =>
    publish(engine, count / 6, n % partitions, { subject: `things/${n}` }),
  )
  const ids = (await Promise.all(subjects)).flat()
  const { stop } = subscribe(t, engine, [things(() => recorded)])
  await until(async () => (await counters(engine))?.processed === count)
  await stop()
  return ids
}

const counters = async (engine: Engine) => (await engine.stats()).topics.things

const start = (engine: Engine, input: Partial<ReplayInput> = {}): Promise<Replay> =>
  new Replays(engine).create({ topic: 'things', since: SINCE, ...input }, operation())

/** Runs the replays of every partition, at the latest until the test ends. */
function run(t: Test, engine: Engine, rate: number, pause?: ReplayerParts['pause']) {
  const aborted = new AbortController()
  const replayer = new Replayer({ engine, settings: { replayRate: rate }, log, ...(pause && { pause }) })
  const partitions = Array.from({ length: engine.layout.partitions }, (_, partition) => partition)
  const ended = Promise.all(partitions.map((partition) => replayer.start(partition, aborted.signal)))
  const stop = async () => {
    aborted.abort()
    await ended
  }
  t.teardown(stop)
  return { stop, signal: aborted.signal, abort: () => aborted.abort() }
}

async function finished(engine: Engine, id: string): Promise<Replay> {
  await until(async () => (await new Replays(engine).read(id)).status === 'done')
  return new Replays(engine).read(id)
}

/** How often each event was replayed, as its history says. */
async function replays(engine: Engine, ids: string[]): Promise<number[]> {
  const traces = await Promise.all(ids.map((id) => engine.get('traces', id)))
  return traces.map((trace) => trace?.history.filter(({ what }) => what === 'replayed').length ?? 0)
}

/** Everything goes as it should until the third page of a replay is to be counted; then nothing is reached. */
function cutOff(engine: Engine, onCut: () => void): Engine {
  let saved = 0
  const cut = async (): Promise<never> => {
    onCut()
    throw new Unavailable('cut off')
  }
  return over(engine, {
    swap: (placement, claim) => {
      if (claim.name.startsWith('replay:') && claim.from !== claim.to && ++saved > 2) return cut()
      return engine.swap(placement, claim)
    },
  })
}

for (const handled of [false, true]) {
  const meanwhile = handled ? 'and its events handled meanwhile' : 'with its events still unfinished'
  onEachEngine(
    t,
    `a replay whose process was killed, ${meanwhile}, goes on: each event once, all counted`,
    async (t, engine) => {
      const ids = await processedEvents(t, engine, 300)
      const tally = new Tally()
      const handler = things(({ id }) => {
        tally.add(id)
        return recorded
      })
      const { id } = await start(engine)
      const killed = run(
        t,
        cutOff(engine, () => killed.abort()),
        40,
        noPause,
      )
      await until(() => killed.signal.aborted)
      await killed.stop()
      t.match(await new Replays(engine).read(id), { status: 'running', found: 80, replayed: 80 })
      t.match(await counters(engine), { processed: 180, pending: 120 }, 'a page was replayed, not counted')

      if (handled) {
        const { stop } = subscribe(t, engine, [handler])
        await until(async () => (await counters(engine))?.processed === 300)
        await stop()
      }
      run(t, engine, 1000)
      t.match(await finished(engine, id), { found: 300, replayed: 300, skipped: 0 })
      t.strictSame(new Set(await replays(engine, ids)), new Set([1]))
      subscribe(t, engine, [handler])
      await until(async () => (await counters(engine))?.processed === 300)
      t.strictSame(new Set(tally.names), new Set(ids))
      t.equal(tally.names.length, 300, 'each was handled once more')
      const results = await Promise.all(ids.map((id) => engine.get('results', id)))
      t.ok(results.every((result) => result?.replaces))
      const all = { published: 300, processed: 300, dead: 0, pending: 0, retrying: 0, discarded: 0 }
      t.strictSame(await counters(engine), all)
    },
    { partitions: 2 },
  )
}

onEachEngine(
  t,
  'two that run the same replay replay each event once and count it once',
  async (t, engine) => {
    const ids = await processedEvents(t, engine, 60)
    const { id } = await start(engine)
    run(t, engine, 7, noPause)
    run(t, engine, 7, noPause)
    t.match(await finished(engine, id), { found: 60, replayed: 60, skipped: 0 })
    t.strictSame(new Set(await replays(engine, ids)), new Set([1]))
  },
)

onEachEngine(t, 'a replay that is cancelled stops, and tells what it has done', async (t, engine) => {
  await processedEvents(t, engine, 60)
  const { id } = await start(engine)
  let cancelled: Replay | undefined
  // While a page is in hand.
  const cancelling = over(engine, {
    list: async (kind, query) => {
      const page = await engine.list(kind, query)
      if (query.cursor !== undefined) cancelled ??= await new Replays(engine).cancel(id)
      return page
    },
  })
  const { stop } = run(t, cancelling, 10, noPause)
  await until(async () => (await new Replays(engine).read(id)).found === 20)
  t.match(cancelled, { status: 'cancelled', found: 10 })
  const again = await new Replays(engine).cancel(id)
  t.match(again, { status: 'cancelled', found: 20, replayed: 20, finishedAt: cancelled?.finishedAt })
  const { id: next } = await start(engine)
  t.match(await finished(engine, next), { found: 60, replayed: 40, skipped: 20 }, 'others go on')
  await stop()
  t.strictSame(await new Replays(engine).read(id), again)
})

onEachEngine(t, 'a replay hands out as many events a second as it may', async (t, engine) => {
  await processedEvents(t, engine, 12)
  let handedOut = 0
  const counting = over(engine, {
    reopen: (reopening) => {
      handedOut++
      return engine.reopen(reopening)
    },
  })
  const seconds: [number, number][] = []
  await start(engine)
  run(t, counting, 4, async (ms) => {
    if (handedOut > 0) seconds.push([handedOut, ms])
    handedOut = 0
    await turn()
  })
  await until(() => seconds.length === 3)
  t.strictSame(
    seconds.map(([events]) => events),
    [4, 4, 4],
  )
  for (const [, ms] of seconds) t.ok(ms > 0 && ms < 1000, `then it waits for the rest of a second: ${ms} ms`)
})

onEachEngine(
  t,
  'only processed events of the topic, the types and the time are replayed',
  async (t, engine) => {
    const handler = things(({ data }) => {
      if (data === 'bad') throw new Error('bad')
      return recorded
    })
    const { stop } = subscribe(t, engine, [handler], { maxAttempts: 1 })
    const [dead = ''] = await publish(engine, 1, 0, { data: 'bad' })
    const [good = ''] = await publish(engine, 1)
    const [elsewhere = ''] = await publish(engine, 1, 0, { topic: 'elsewhere' })
    const [other = ''] = await publish(engine, 1, 0, { type: 'thing.other' })
    const all = [dead, good, other, elsewhere]
    for (const id of all) await until(async () => (await engine.get('results', id)) !== null)
    await stop()
    const timeOf = async (id: string) => (await engine.get('events', id))?.time ?? ''
    const after = (id: string) => until(async () => new Date().toISOString() > (await timeOf(id)))
    await after(other)
    const [late = ''] = await publish(engine, 1)
    await after(late)
    run(t, engine, 1000)
    const ids = [...all, late]

    const types = ['thing.happened', 'thing.unheard']
    const { id: first } = await start(engine, { types, until: await timeOf(late) })
    t.match(await finished(engine, first), { found: 2, replayed: 1, skipped: 1 })
    t.strictSame(await replays(engine, ids), [0, 1, 0, 0, 0], 'not the dead one')
    const { id: second } = await start(engine, { since: await timeOf(late) })
    t.match(await finished(engine, second), { found: 1, replayed: 0, skipped: 1 })
    const { id: third } = await start(engine, { types: ['thing.other'] })
    t.match(await finished(engine, third), { found: 1, replayed: 1, skipped: 0 })
    t.strictSame(await replays(engine, ids), [0, 1, 1, 0, 0], 'not the unfinished one')
  },
)

onEachEngine(t, 'an outage holds up a replay, and ends nothing', async (t, engine) => {
  await processedEvents(t, engine, 12)
  const { id } = await start(engine)
  let failures = 0
  const fail = () => Promise.reject(new Unavailable(`outage ${++failures}`))
  const shaky = over(engine, {
    get: (kind, id) => (failures < 3 ? fail() : engine.get(kind, id)),
    commit: (change) => (failures < 5 ? fail() : engine.commit(change)),
  })
  run(t, shaky, 1000, noPause)
  t.match(await finished(engine, id), { found: 12, replayed: 12 })
  t.ok(failures >= 5)
})

onEachEngine(t, 'an operation that is carried out again creates one replay', async (t, engine) => {
  const replays = new Replays(engine)
  const once = operation()
  const input = { topic: 'things', since: SINCE }
  const first = await replays.create(input, once)
  t.strictSame(await replays.create(input, once), first)
  const second = await start(engine)
  t.strictSame(
    (await replays.list()).map(({ id }) => id),
    [second.id, first.id],
  )
  await replays.cancel(first.id)
  t.match(await replays.list(), [{ status: 'running' }, { id: first.id, status: 'cancelled' }])
})
