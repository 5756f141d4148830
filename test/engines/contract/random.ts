import fc from 'fast-check'
import type { Test } from 'tap'
import { isConserved } from '../../../src/domain/counters.js'
import type { Delivery, Engine } from '../../../src/engines/engine.js'
import { done, fresh, idsOf, type Place, publish, reclaim, retry, take } from './fixtures.js'

/** What a processor may do next. Numbers choose among what is in hand. */
type Step =
  | { do: 'publish'; count: number }
  | { do: 'claim'; limit: number }
  | { do: 'settle' | 'retry' | 'delay' | 'bury' | 'again'; picks: number[] }
  | { do: 'crash' }

const picks = fc.array(fc.nat(), { minLength: 1, maxLength: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ do: fc.constantFrom('settle', 'retry', 'delay', 'bury', 'again'), picks }),
  fc.record({ do: fc.constant('crash' as const) }),
)

type State = 'pending' | 'due' | 'waiting' | 'processed' | 'dead'

/** A partition, a topic, what must be true of them, and a processor's memory of what it has in hand. */
class Run {
  readonly states = new Map<string, State>()
  hand = new Map<string, Delivery>()
  spent: Delivery[] = []
  position: string | null = null
  token = ''

  constructor(
    readonly engine: Engine,
    readonly partition: number,
  ) {}

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'publish':
        for (const id of await publish(this.engine, step.count, this.partition, { topic: this.topic }))
          this.states.set(id, 'pending')
        break
      case 'claim': {
        const batch = await this.engine.claim(this.partition, this.position, step.limit)
        this.position = batch.position
        for (const delivery of [...batch.fresh, ...batch.due]) this.hand.set(delivery.event.id, delivery)
        break
      }
      case 'crash':
        this.hand.clear()
        this.position = null
        this.token = await take(this.engine, this.partition)
        break
      case 'again':
        for (const delivery of pickedFrom(this.spent, step.picks))
          await this.end(delivery, 'settle', 'already')
        break
      default:
        for (const delivery of pickedFrom([...this.hand.values()], step.picks))
          await this.end(delivery, step.do, 'settled')
    }
  }

  get topic() {
    return `run${this.partition}`
  }

  async end(delivery: Delivery, how: 'settle' | 'retry' | 'delay' | 'bury', expected: string) {
    const [settlement, state] = (
      {
        settle: [done(delivery), 'processed'],
        bury: [done(delivery, { status: 'dead' }), 'dead'],
        retry: [retry(delivery, 0), 'due'],
        delay: [retry(delivery, 60_000), 'waiting'],
      } as const
    )[how]
    const [verdict] = await this.engine.settle(this.partition, this.token, [settlement])
    if (verdict !== expected) throw new Error(`${how}: ${verdict}, not ${expected}`)
    this.hand.delete(delivery.event.id)
    this.spent.push(delivery)
    if (verdict === 'settled') this.states.set(delivery.event.id, state)
  }

  /** A processor that starts now finds exactly what is unfinished, in order, and every event is counted. */
  async check(t: Test): Promise<boolean> {
    const batch = await reclaim(this.engine, this.partition)
    const { topics } = await this.engine.stats()
    const those = (...states: State[]) =>
      [...this.states].flatMap(([id, state]) => (states.includes(state) ? [id] : []))
    const found = {
      fresh: idsOf(batch.fresh),
      due: idsOf(batch.due).sort(),
      counters: topics[this.topic],
      conserved: isConserved(topics),
    }
    const expected = {
      fresh: those('pending'),
      due: those('due').sort(),
      counters:
        this.states.size === 0
          ? undefined
          : {
              published: this.states.size,
              processed: those('processed').length,
              dead: those('dead').length,
              pending: those('pending').length,
              retrying: those('due', 'waiting').length,
              discarded: 0,
            },
      conserved: true,
    }
    return t.same(found, expected)
  }
}

const pickedFrom = (deliveries: Delivery[], picks: number[]): Delivery[] => {
  const picked = picks.flatMap((pick) => deliveries[pick % Math.max(1, deliveries.length)] ?? [])
  return [...new Set(picked)]
}

const RUNS = 25

export function random(t: Test, place: Place): void {
  t.test('whatever is done in whatever order, no event is lost, doubled or miscounted', async (t) => {
    const engine = await fresh(t, place, RUNS)
    let partition = 0
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const run = new Run(engine, partition++)
      await run.take({ do: 'crash' })
      for (const step of steps) {
        await run.take(step)
        if (!(await run.check(t))) return false
      }
      return true
    })
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true })
  })
}
