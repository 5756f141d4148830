import t from 'tap'
import { Backlog } from '../../src/bus/backpressure.js'
import type { Engine, EngineStats } from '../../src/engines/engine.js'
import { standardHandlers } from '../../src/handlers/index.js'
import { until } from '../until.js'
import { gate, onEachEngine, over, publisherOn, subscribe } from './fixtures.js'

const publish = (engine: Engine, key: string) => publisherOn(engine).submitKey({ key, name: 'n' })
const full = { code: 'backlog_full' }

onEachEngine(t, 'many refusals rest on one count', async (t, engine) => {
  await publish(engine, 'sk_test_1')
  let counts = 0
  const stats = () => {
    counts++
    return engine.stats()
  }
  const backlog = new Backlog(over(engine, { stats }), 1)
  const refused = await Promise.allSettled(Array.from({ length: 500 }, () => backlog.admit()))
  for (const { status } of refused) if (status !== 'rejected') t.fail('admitted')
  t.ok(counts < 50, 'a slow machine may take longer than one is believed')
})

onEachEngine(t, 'what is published during a count is not counted twice', async (t, engine) => {
  const { open, opened } = gate()
  const { open: count, opened: counting } = gate()
  let slow = true
  const stats = async (): Promise<EngineStats> => {
    if (!slow) return engine.stats()
    slow = false
    count()
    await opened
    return engine.stats()
  }
  const backlog = new Backlog(over(engine, { stats }), 2)
  const first = backlog.admit()
  await counting
  await publish(engine, 'sk_test_1')
  backlog.published(1)
  open()
  await first
  await t.resolves(backlog.admit(), 'one is not two')
  await publish(engine, 'sk_test_2')
  backlog.published(1)
  await t.rejects(backlog.admit(), full)
})

onEachEngine(t, 'what others publish and finish is seen soon', async (t, engine) => {
  const backlog = new Backlog(engine, 2)
  await backlog.admit()
  for (const key of ['sk_test_1', 'sk_test_2']) await publish(engine, key)
  const refuses = () =>
    backlog.admit().then(
      () => false,
      () => true,
    )
  await until(refuses)
  subscribe(t, engine, standardHandlers)
  await until(async () => !(await refuses()))
})
