import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { partsOf } from '../../../src/engines/embedded/keys.js'
import { openStore } from '../../../src/engines/embedded/store.js'
import {
  ALL,
  all,
  claimed,
  event,
  key,
  publish,
  publishing,
  reclaim,
  reopen,
  settleAll,
  settled,
  sweepAll,
  writing,
} from '../contract/fixtures.js'
import { folder, openOn } from './fixtures.js'

t.test('at a steady rate the file stays as large as it is', async (t) => {
  const dataDir = folder(t)
  const engine = await openOn(t, dataDir)
  const sizes: number[] = []
  for (let round = 0; round < 10; round++) {
    const changes = Array.from({ length: 200 }, (_, i) => ({
      ...publishing(0, event(0, { subject: `s${i}`, data: 'x'.repeat(400) })),
      operationTtlMs: 1,
    }))
    await Promise.all(changes.map((change) => engine.commit(change)))
    await settleAll(engine, round % 2 === 0 ? 'processed' : 'dead')
    await sweepAll(engine, { resultsBefore: ALL, limit: 128 })
    sizes.push(statSync(join(dataDir, 'keypost.mdb')).size)
  }
  t.ok(Number(sizes[9]) <= Number(sizes[2]) * 1.3, `it was ${sizes}`)
  t.match((await engine.stats()).topics.things, { published: 2000, processed: 1000, dead: 1000 })
})

t.test('of what was swept nothing is left but numbers that add up', async (t) => {
  const dataDir = folder(t)
  const engine = await openOn(t, dataDir)
  const [processed = '', replayed = ''] = await settled(engine, 3)
  const [dead = '', discarded = '', redriven = ''] = await settled(engine, 3, 'dead')
  await reopen(engine, discarded, 'discard')
  await reopen(engine, redriven, 'redrive')
  await reopen(engine, replayed, 'replay')
  await settled(engine, 1)
  t.ok((await engine.get('events', processed)) && (await engine.get('events', dead)))
  await sweepAll(engine, { resultsBefore: ALL, limit: 2 })
  const { things, processing_results: results } = (await engine.stats()).topics
  await engine.close()

  const store = openStore(dataDir)
  t.teardown(() => store.close())
  const left = [...store.range({})].map(({ key, value }) => [partsOf(key), value] as const)
  const names = new Set(left.map(([[name]]) => name))
  t.strictSame(
    names,
    new Set(['claim', 'clock', 'counters', 'expiry', 'holder', 'layout', 'swept', 'swept-to', 'watermark']),
  )
  const swept = left.flatMap(([[name, , topic], value]) =>
    name === 'swept' ? [[topic, JSON.parse(value)]] : [],
  )
  t.same(Object.fromEntries(swept), {
    things: { events: things?.published, processed: things?.processed, dead: 2, discarded: 1 },
    processing_results: { events: results?.published, processed: 0, dead: 0, discarded: 0 },
  })
})

t.test('after everything was swept no position is given twice, though the clock was set back', async (t) => {
  const dataDir = folder(t)
  const first = await openOn(t, dataDir)
  await settled(first, 2)
  const { position } = await reclaim(first)
  const announced = (await all(first, 'events', { topic: 'processing_results' }))[0]?.time ?? ''
  await sweepAll(first, { resultsBefore: ALL })
  await first.close()
  const hourAgo = Date.now() - 3_600_000
  t.intercept(Date, 'now', { value: () => hourAgo })
  const second = await openOn(t, dataDir)
  t.match(await second.claim(0, position, 10), { reset: false })
  const [id] = await publish(second, 1)
  const { fresh: found } = await second.claim(0, position, 10)
  t.strictSame(
    found.map(({ event }) => event.id),
    [id],
  )
  t.ok((found[0]?.event.time ?? '') >= announced)
})

t.test('the id of a deleted record is free again when nobody can send its creation any more', async (t) => {
  const dataDir = folder(t)
  const engine = await openOn(t, dataDir)
  const record = key(0)
  const create = writing(0, 'keys', null, record)
  await engine.commit(create)
  await engine.commit(writing(0, 'keys', record, null))
  const hours = (count: number) => {
    const later = Date.now() + count * 3_600_000
    return t.capture(Date, 'now', () => later)
  }
  const { restore } = hours(24)
  t.match(await engine.commit(create), { replayed: true })
  restore()
  hours(26)
  t.equal(await claimed(engine, 0, `gone:${record.id}`), null)
  t.match(await engine.commit({ ...create, operationId: key(0).id }), { replayed: false })
  t.strictSame(await engine.get('keys', record.id), record)
})
