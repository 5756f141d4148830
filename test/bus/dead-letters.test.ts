import t from 'tap'
import { DeadLetters } from '../../src/bus/dead-letters.js'
import { newId } from '../../src/domain/ids.js'
import type { Engine } from '../../src/engines/engine.js'
import { publish } from '../engines/contract/fixtures.js'
import { until } from '../until.js'
import { onEachEngine, over, subscribe, things } from './fixtures.js'

const COUNT = 250
const dead = async (engine: Engine) => (await engine.stats()).topics.things?.dead

onEachEngine(
  t,
  'what dies again while many are redriven is redriven once by one operation',
  async (t, engine) => {
    let attempts = 0
    const failing = things(() => {
      attempts++
      throw new Error('broken')
    })
    subscribe(t, engine, [failing], { maxAttempts: 1 })
    await publish(engine, COUNT)
    await until(async () => (await dead(engine)) === COUNT)
    t.equal(attempts, COUNT)

    // Before each page, all that was redriven is dead again.
    const slow = over(engine, {
      list: async (kind, query) => {
        await until(async () => (await dead(engine)) === COUNT)
        return engine.list(kind, query)
      },
    })
    const letters = new DeadLetters(slow)
    const operation = { id: newId(), ttlMs: 60_000 }
    const report = { dryRun: false, matched: COUNT, redriven: COUNT, more: false }
    t.strictSame(await letters.redriveAll({}, operation), report)
    await until(async () => (await dead(engine)) === COUNT)
    t.equal(attempts, 2 * COUNT)

    t.strictSame(await letters.redriveAll({}, operation), report, 'a resent one finds that it was done')
    t.match(await engine.stats(), { topics: { things: { dead: COUNT, pending: 0 } } })
    t.equal(attempts, 2 * COUNT)
  },
)
