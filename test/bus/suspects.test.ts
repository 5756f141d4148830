import t from 'tap'
import { newId } from '../../src/domain/ids.js'
import type { Claim, Engine } from '../../src/engines/engine.js'
import { Unavailable } from '../../src/engines/errors.js'
import { publish } from '../engines/contract/fixtures.js'
import { until } from '../until.js'
import { gate, onEachEngine, over, recorded, resultOf, subscribe, Tally, things } from './fixtures.js'

const SUSPECT = 'crash:suspect'

/** As if two holders in a row had come to nothing: the next handles what it finds one at a time, each noted before. */
const makeCautious = (engine: Engine) => engine.swap(0, { name: 'crash:streak', from: null, to: '2' })

/** Writes a note as another holder would. */
const note = (engine: Engine, from: string | null, eventId: string, revision = 0) =>
  engine.swap(0, { name: SUSPECT, from, to: `token processor ${eventId} ${revision}` })

/** The engine, with what is asked of the note seen first. */
const watching = (engine: Engine, seen: (claim: Claim) => void): Engine =>
  over(engine, {
    swap: async (placement, claim) => {
      if (claim.name === SUSPECT && claim.from !== claim.to) seen(claim)
      return engine.swap(placement, claim)
    },
  })

/** The engine, and the notes that were written through it. */
function noting(engine: Engine) {
  const notes = new Tally()
  const watched = watching(engine, ({ to }) => {
    if (to !== null) notes.add(to)
  })
  return { notes, watched }
}

onEachEngine(t, 'one crash is counted once, though its note cannot be taken away', async (t, engine) => {
  const [id = ''] = await publish(engine, 1)
  await note(engine, null, id)
  const stubborn = watching(engine, ({ to }) => {
    if (to === null) throw new Unavailable('not now')
  })
  subscribe(t, stubborn, [things(() => recorded)], { maxAttempts: 5 })
  t.match(await resultOf(engine, id), { status: 'processed', attempts: 2 })
})

onEachEngine(t, 'a note of before the event went on blames nobody', async (t, engine) => {
  const [id = ''] = await publish(engine, 1)
  const failing = subscribe(t, engine, [
    things(() => {
      throw new Error('no')
    }),
  ])
  await until(async () => (await engine.stats()).topics.things?.dead === 1)
  await failing.stop()
  await note(engine, null, id)
  const trace = await engine.get('traces', id)
  if (trace?.ended == null) throw new Error('it has ended')
  const { announcement, result } = trace.ended
  const at = new Date().toISOString()
  await engine.reopen({
    how: 'redrive',
    trace: { ...trace, ended: trace.ended },
    entry: { what: 'redriven', at, replaced: announcement, was: { status: result.status, at } },
    operationId: newId(0),
    operationTtlMs: 60_000,
  })
  subscribe(t, engine, [things(() => recorded)])
  await until(async () => (await engine.stats()).topics.things?.processed === 1)
  t.match(await engine.get('results', id), { status: 'processed', attempts: 1 })
})

onEachEngine(t, 'a stop in the middle of suspects notes none of those that wait', async (t, engine) => {
  await publish(engine, 50)
  await makeCautious(engine)
  const { notes, watched } = noting(engine)
  const finish = gate()
  const running = new Tally()
  const one = subscribe(t, watched, [
    things(async ({ id }) => {
      running.add(id)
      await finish.opened
      return recorded
    }),
  ])
  await until(() => running.names.length === 1)
  const stopped = one.stop()
  finish.open()
  await stopped
  t.equal(notes.names.length, 1, 'only the one that ran')
  t.equal(await engine.swap(0, { name: SUSPECT, from: null, to: null }), null)
})

onEachEngine(t, 'who has lost the partition notes nothing more there', async (t, engine) => {
  await publish(engine, 20)
  await makeCautious(engine)
  const { notes, watched } = noting(engine)
  const finish = gate()
  const running = new Tally()
  subscribe(t, watched, [
    things(async ({ id }, { signal }) => {
      running.add(id)
      signal.addEventListener('abort', finish.open)
      await finish.opened
      return recorded
    }),
  ])
  await until(() => running.names.length === 1)
  const thief = { partition: 0, token: newId(0), processor: 'thief', beat: 1 }
  await until(async () => {
    const { leases } = await engine.lease(null, [])
    const after = await engine.lease(null, [{ partition: 0, from: leases[0] ?? null, to: thief }])
    return after.leases[0]?.token === thief.token
  })
  await finish.opened
  await until(async () => (await engine.swap(0, { name: SUSPECT, from: null, to: null })) === null)
  t.equal(notes.names.length, 1, 'only the one that ran')
})

onEachEngine(t, 'a note that somebody else wrote in between holds nobody up', async (t, engine) => {
  const ids = await publish(engine, 3)
  await makeCautious(engine)
  let runs = 0
  subscribe(t, engine, [
    things(async () => {
      const mine = await engine.swap(0, { name: SUSPECT, from: null, to: null })
      if (++runs === 1) await note(engine, mine, newId(0))
      return recorded
    }),
  ])
  for (const id of ids) t.match(await resultOf(engine, id), { status: 'processed', attempts: 1 })
})
