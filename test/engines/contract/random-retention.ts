import fc from 'fast-check'
import type { Test } from 'tap'
import { isConserved } from '../../../src/domain/counters.js'
import type { Engine } from '../../../src/engines/engine.js'
import { firstAt, type Position } from '../../../src/engines/positions.js'
import {
  ALL,
  all,
  done,
  idsOf,
  NONE,
  type Open,
  type Place,
  publish,
  reclaim,
  reopen,
  retry,
  sweepAll,
  take,
} from './fixtures.js'

/** Numbers choose among what there is. */
type Step =
  | { do: 'publish'; count: number }
  | { do: 'process' | 'bury' | 'retry' | 'delay' | 'redrive' | 'replay' | 'discard'; pick: number }
  | { do: 'sweep'; events: number | 'all'; results: number | 'all' | 'none'; limit: number }
  | { do: 'restart' }

const pick = fc.nat(1000)
const limit = fc.integer({ min: 1, max: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('publish' as const), count: limit }) },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constantFrom('process', 'process', 'bury', 'retry', 'delay', 'redrive', 'replay', 'discard'),
      pick,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.oneof(
      fc.record({ do: fc.constant('sweep'), events: pick, results: fc.constant('none'), limit }),
      fc.record({
        do: fc.constant('sweep'),
        events: fc.constant('all'),
        results: fc.oneof(pick, fc.constantFrom('all', 'none')),
        limit,
      }),
    ) as fc.Arbitrary<Step & { do: 'sweep' }>,
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)

type State = 'pending' | 'due' | 'retrying' | 'waiting' | 'processed' | 'dead' | 'discarded'
const finished = (state: State) => state === 'processed' || state === 'dead' || state === 'discarded'

/** What must be true of one event. */
interface Expected {
  id: string
  position: Position
  state: State
  /** It is in the log. */
  kept: boolean
}

interface ExpectedResult {
  announcement: string
  event: Expected
  finishedAt: string
  superseded: boolean
}

/** A partition, a subject, and what must be true of them. */
class Run {
  readonly events: Expected[] = []
  results: ExpectedResult[] = []

  constructor(
    private engine: Engine,
    private readonly open: Open,
    private readonly partition: number,
  ) {}

  private get name() {
    return `run${this.partition}`
  }

  /** The engine, which a restart replaces. */
  async take(step: Step): Promise<Engine> {
    if (step.do === 'publish') await this.publish(step.count)
    else if (step.do === 'sweep') await this.sweep(step)
    else if (step.do === 'restart') {
      await this.engine.close()
      this.engine = await this.open()
    } else if (step.do === 'redrive' || step.do === 'replay' || step.do === 'discard')
      await this.reopen(step.do, step.pick)
    else await this.settle(step.do, step.pick)
    return this.engine
  }

  private async publish(count: number) {
    const about = { topic: this.name, subject: this.name }
    for (const id of await publish(this.engine, count, this.partition, about)) {
      const { position = '' } = (await this.engine.get('traces', id)) ?? {}
      this.events.push({ id, position, state: 'pending', kept: true })
    }
  }

  private async settle(how: 'process' | 'bury' | 'retry' | 'delay', pick: number) {
    const { fresh, due } = await reclaim(this.engine, this.partition)
    const delivery = picked([...fresh, ...due], pick)
    const event = this.events.find(({ id }) => id === delivery?.event.id)
    if (delivery === undefined || event === undefined) return
    const [settlement, state] = (
      {
        process: [done(delivery), 'processed'],
        bury: [done(delivery, { status: 'dead' }), 'dead'],
        retry: [retry(delivery, 0), 'retrying'],
        delay: [retry(delivery, 60_000), 'waiting'],
      } as const
    )[how]
    const token = await take(this.engine, this.partition)
    const [verdict] = await this.engine.settle(this.partition, token, [settlement])
    if (verdict !== 'settled') throw new Error(`${how}: ${verdict}`)
    event.state = state
    if (settlement.how !== 'done') return
    const { finishedAt = '' } = (await this.engine.get('results', event.id)) ?? {}
    const { announcement } = settlement.result
    this.results.push({ announcement: announcement.id, event, finishedAt, superseded: false })
  }

  private async reopen(how: 'redrive' | 'replay' | 'discard', pick: number) {
    const status = how === 'replay' ? 'processed' : 'dead'
    const event = picked(
      this.events.filter(({ state, kept }) => kept && state === status),
      pick,
    )
    if (event === undefined) return
    const answer = await reopen(this.engine, event.id, how)
    if (answer !== 'reopened') throw new Error(`${how}: ${answer}`)
    event.state = how === 'discard' ? 'discarded' : 'due'
    if (how === 'discard') return
    for (const result of this.results) if (result.event === event) result.superseded = true
  }

  private async sweep({ events, results, limit }: Step & { do: 'sweep' }) {
    const eventsBefore = events === 'all' ? ALL : (picked(this.events, events)?.position ?? ALL)
    const time = typeof results === 'number' ? picked(this.results, results)?.finishedAt : undefined
    const resultsBefore = time === undefined ? (results === 'all' ? ALL : NONE) : firstAt(time)
    await sweepAll(this.engine, { partition: this.partition, eventsBefore, resultsBefore, limit })

    for (const event of this.events) {
      if (!event.kept) continue
      if (!finished(event.state) || event.position >= eventsBefore) break
      if (event.state !== 'dead') event.kept = false
    }
    this.results = this.results.filter(({ event, finishedAt, superseded }) => {
      if (firstAt(finishedAt) >= resultsBefore) return true
      if (superseded) return false
      if (event.state !== 'processed') event.kept = false
      return event.kept
    })
  }

  /** All that can be seen is as it must be, and every event that ever was is counted. */
  async check(t: Test): Promise<boolean> {
    const { engine, partition, name } = this
    const batch = await reclaim(engine, partition)
    const { topics } = await engine.stats()
    const asc = { subject: name, order: 'asc' } as const
    const found = {
      fresh: idsOf(batch.fresh),
      due: idsOf(batch.due).sort(),
      log: (await all(engine, 'events', { topic: name, order: 'asc' })).map(({ id }) => id),
      announced: (await all(engine, 'events', { topic: 'processing_results', ...asc })).map(({ id }) => id),
      results: (await all(engine, 'results', asc)).map(({ id }) => id),
      letters: (
        await all(engine, 'results', { topic: name, status: 'dead', discarded: false, order: 'asc' })
      ).map(({ id }) => id),
      counters: topics[name],
      conserved: isConserved(topics),
    }
    const those = (...states: State[]) =>
      this.events.flatMap(({ id, state }) => (states.includes(state) ? [id] : []))
    const current = this.results.filter(({ superseded }) => !superseded).map(({ event }) => event)
    const expected = {
      fresh: those('pending'),
      due: those('due', 'retrying').sort(),
      log: this.events.filter(({ kept }) => kept).map(({ id }) => id),
      announced: this.results.map(({ announcement }) => announcement),
      results: current.map(({ id }) => id),
      letters: current.filter(({ state }) => state === 'dead').map(({ id }) => id),
      counters:
        this.events.length === 0
          ? undefined
          : {
              published: this.events.length,
              processed: those('processed').length,
              dead: those('dead', 'discarded').length,
              pending: those('pending', 'due').length,
              retrying: those('retrying', 'waiting').length,
              discarded: those('discarded').length,
            },
      conserved: true,
    }
    return t.same(found, expected)
  }

  /** Everything can be read by its id as long as it is there. */
  async checkEach(t: Test): Promise<boolean> {
    const found = await Promise.all(
      this.events.map(async ({ id }) => {
        const [event, result, trace] = await Promise.all([
          this.engine.get('events', id),
          this.engine.get('results', id),
          this.engine.get('traces', id),
        ])
        return [event !== null, result !== null, trace?.position ?? null]
      }),
    )
    const expected = this.events.map((event) => [
      event.kept,
      this.results.some((result) => result.event === event && !result.superseded),
      event.kept ? event.position : null,
    ])
    return t.same(found, expected)
  }
}

const picked = <T>(items: T[], pick: number): T | undefined => items[pick % Math.max(1, items.length)]

const RUNS = 25

export function randomRetention(t: Test, place: Place): void {
  t.test('whatever is swept and reopened in whatever order, nothing unfinished goes', async (t) => {
    const open = await place(t)
    let engine = await open({ partitions: RUNS })
    let partition = 0
    const property = fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 50 }), async (steps) => {
      const run = new Run(engine, open, partition++)
      for (const step of steps) {
        engine = await run.take(step)
        if (!(await run.check(t))) return false
      }
      return run.checkEach(t)
    })
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true })
  })
}
