import t from 'tap'
import { newId } from '../../src/domain/ids.js'
import type { Engine, Lease } from '../../src/engines/engine.js'
import { all, done, only, publish } from '../engines/contract/fixtures.js'
import { until } from '../until.js'
import { gate, onEachEngine, recorded, resultOf, subscribe, Tally, things } from './fixtures.js'

const subject = 'things/a'

/** Gives a partition to somebody else, whoever has it. */
async function seize(engine: Engine, partition = 0): Promise<Lease> {
  const to: Lease = { partition, token: newId(), processor: 'thief', beat: 1 }
  await until(async () => {
    const { leases } = await engine.lease(null, [])
    const after = await engine.lease(null, [{ partition, from: leases[partition] ?? null, to }])
    return after.leases[partition]?.token === to.token
  })
  return to
}

const beatOf = async (engine: Engine, id: string): Promise<number> =>
  (await engine.lease(null, [])).processors.find((processor) => processor.id === id)?.beat ?? 0

/** Waits until a processor has looked at the leases, and acted on them, since now. */
async function beats(engine: Engine, id: string): Promise<void> {
  const before = await beatOf(engine, id)
  await until(async () => (await beatOf(engine, id)) > before + 2)
}

onEachEngine(t, 'a stop settles what runs and leaves the rest to the next', async (t, engine) => {
  const [first = '', second = ''] = await publish(engine, 2, 0, { subject })
  const runs = new Tally()
  const finish = gate()
  const handler = things(async ({ id }) => {
    runs.add(id)
    await finish.opened
    return recorded
  })
  const one = subscribe(t, engine, [handler])
  await until(() => runs.names.length > 0)
  const stopped = one.stop()
  finish.open()
  await stopped
  t.match(await engine.get('results', first), { status: 'processed', attempts: 1 })
  t.equal(await engine.get('results', second), null)
  t.strictSame((await engine.lease(null, [])).leases, [null], 'the partition is free at once')
  t.equal(await beatOf(engine, one.id), 0, 'and says that it left')

  subscribe(t, engine, [handler])
  t.match(await resultOf(engine, second), { status: 'processed', attempts: 1 })
  t.strictSame(runs.names, [first, second])
})

onEachEngine(t, 'the lease is kept for as long as a stop finishes what runs', async (t, engine) => {
  const [id = ''] = await publish(engine, 1)
  const runs = new Tally()
  const finish = gate()
  const handler = things(async (event) => {
    runs.add(event.id)
    await finish.opened
    return recorded
  })
  const one = subscribe(t, engine, [handler], { leaseMs: 100 })
  await until(() => runs.names.length > 0)
  const stopped = one.stop()
  const other = subscribe(t, engine, [handler], { leaseMs: 100 })
  // Several lease times of a processor that would take what is not renewed.
  await beats(engine, other.id)
  await beats(engine, other.id)
  await beats(engine, other.id)
  finish.open()
  await stopped
  t.match(await engine.get('results', id), { status: 'processed', attempts: 1 })
  t.equal(runs.of(id), 1)
})

onEachEngine(t, 'a stop is bounded: what does not end is handled again by the next', async (t, engine) => {
  const [id = ''] = await publish(engine, 1)
  const told = gate()
  const hanging = things((_, { signal }) => {
    signal.addEventListener('abort', told.open)
    return new Promise(() => {})
  })
  const one = subscribe(t, engine, [hanging], { drainMs: 30 })
  await until(async () => (await engine.lease(null, [])).leases[0]?.processor === one.id)
  await until(() => one.health().ok)
  await one.stop()
  t.equal(await engine.get('results', id), null)
  subscribe(t, engine, [things(() => recorded)])
  t.match(await resultOf(engine, id), { status: 'processed', attempts: 1 })
})

onEachEngine(
  t,
  'who is stopping takes nothing more',
  async (t, engine) => {
    const [id = ''] = await publish(engine, 1, 0)
    const runs = new Tally()
    const finish = gate()
    const one = subscribe(t, engine, [
      things(async (event) => {
        runs.add(event.id)
        await finish.opened
        return recorded
      }),
    ])
    const thief = await seize(engine, 1)
    await until(() => runs.of(id) === 1)
    const stopped = one.stop()
    const [other = ''] = await publish(engine, 1, 1)
    await engine.lease(null, [{ partition: 1, from: thief, to: null }])
    await beats(engine, one.id)
    t.equal((await engine.lease(null, [])).leases[1], null)
    finish.open()
    await stopped
    t.strictSame(runs.names, [id])
    t.strictSame((await engine.lease(null, [])).leases, [null, null])
    t.equal(await engine.get('results', other), null)
  },
  { partitions: 2 },
)

onEachEngine(t, 'who lost its lease is interrupted, and settles nothing', async (t, engine) => {
  const [id = ''] = await publish(engine, 1, 0, { subject })
  const [running, interrupted, finish] = [gate(), gate(), gate()]
  const slow = subscribe(t, engine, [
    things(async (_, { signal }) => {
      signal.addEventListener('abort', interrupted.open)
      running.open()
      await finish.opened
      return { outcome: { code: 'too_late' } }
    }),
  ])
  await running.opened
  const thief = await seize(engine)
  await interrupted.opened
  finish.open()
  t.equal(await engine.get('results', id), null)

  const settlement = done(await only(engine))
  t.strictSame(await engine.settle(0, thief.token, [settlement]), ['settled'])
  await beats(engine, slow.id)
  await slow.stop()
  t.match(await engine.get('results', id), { outcome: { code: 'recorded' }, attempts: 1 })
  t.match((await engine.stats()).topics.things, { published: 1, processed: 1, pending: 0 })
})

onEachEngine(t, 'who settles after its lease was taken settles nothing', async (t, engine) => {
  const [id = '', later = ''] = await publish(engine, 2, 0, { subject })
  const [running, finish] = [gate(), gate()]
  const runs = new Tally()
  // Its next beat is a second away, so that it learns of its loss only when it settles.
  const slow = subscribe(
    t,
    engine,
    [
      things(async (event) => {
        runs.add(event.id)
        running.open()
        await finish.opened
        return { outcome: { code: 'too_late' } }
      }),
    ],
    { leaseMs: 60_000 },
  )
  await running.opened
  const thief = await seize(engine)
  finish.open()
  await until(async () => (await beatOf(engine, slow.id)) > 2)
  await slow.stop()
  t.equal(await engine.get('results', id), null)
  t.strictSame(runs.names, [id], 'nor does it go on to the next')
  await engine.lease(null, [{ partition: 0, from: thief, to: null }])
  subscribe(t, engine, [things(() => recorded)])
  await resultOf(engine, later)
  const results = await all(engine, 'results', {})
  t.strictSame(
    results.map(({ outcome }) => outcome?.code),
    ['recorded', 'recorded'],
  )
})

onEachEngine(
  t,
  'a second processor gets its share, without anything handled twice',
  async (t, engine) => {
    const runs = new Tally()
    const handler = things(({ id }) => {
      runs.add(id)
      return recorded
    })
    const one = subscribe(t, engine, [handler], { leaseMs: 200 })
    const holders = async () =>
      (await engine.lease(null, [])).leases.map((lease) => lease?.processor ?? 'nobody').sort()
    await until(async () => (await holders()).every((holder) => holder === one.id))
    const ids: string[] = []
    const other = subscribe(t, engine, [handler], { leaseMs: 200 })
    const shared = [one.id, one.id, other.id, other.id].sort()
    await until(async () => {
      ids.push(...(await publish(engine, 1, ids.length)))
      return JSON.stringify(await holders()) === JSON.stringify(shared)
    })
    for (const id of ids) await resultOf(engine, id)
    t.equal(runs.names.length, ids.length)
    await other.stop()
    await until(async () => (await holders()).every((holder) => holder === one.id))
    const [last = ''] = await publish(engine, 1, 3)
    t.match(await resultOf(engine, last), { status: 'processed' })
  },
  { partitions: 4 },
)

onEachEngine(
  t,
  'a processor with other handlers than the rest says so, as long as they live',
  async (t, engine) => {
    const one = subscribe(t, engine, [things(() => recorded)])
    await until(() => one.health().ok)
    t.notMatch(one.health().detail, /handlers/)
    const other = subscribe(t, engine, [])
    await until(() => one.health().detail.includes(`handlers are not those of ${other.id}`))
    t.ok(one.health().ok, 'which does not keep it from handling')
    await other.stop()
    await until(() => !one.health().detail.includes('handlers'))
  },
)
