import fc from 'fast-check'
import type { Test } from 'tap'
import type { Engine, Listed, Missed } from '../../../src/engines/engine.js'
import type { KeypostEvent } from '../../../src/schemas/event.js'
import { ALL, fresh, type Place, publish, reopen, settleAll, settled, sweepAll } from './fixtures.js'

const idsIn = ({ items }: Listed<KeypostEvent>) => items.map(({ id }) => id)

const read = (engine: Engine, follow: 'all' | 'new', cursor?: string | null, limit = 100) =>
  engine.list('events', { topic: 'things', order: 'asc', follow, limit, cursor: cursor ?? undefined })

/** All pages after a cursor, what was missed, and where they end. */
async function readAll(engine: Engine, from?: string | null) {
  const ids: string[] = []
  const missed: Missed[] = []
  let cursor = from
  for (;;) {
    const page = await read(engine, 'all', cursor)
    ids.push(...idsIn(page))
    if (page.missed !== undefined) missed.push(page.missed)
    cursor = page.nextCursor
    if (page.atEnd) return [{ ids, missed }, cursor] as const
  }
}

export function following(t: Test, place: Place): void {
  t.test('whoever follows a list misses nothing that is added in any partition', async (t) => {
    const engine = await fresh(t, place)
    const first = [...(await publish(engine, 2, 0)), ...(await publish(engine, 2, 1))]
    const page = await read(engine, 'all')
    t.strictSame(idsIn(page).sort(), first.sort())
    t.strictSame(idsIn(await read(engine, 'all', page.nextCursor)), [], 'nothing twice')
    const later = [...(await publish(engine, 1, 2)), ...(await publish(engine, 1, 0))]
    t.strictSame(idsIn(await read(engine, 'all', page.nextCursor)).sort(), later.sort())
  })

  t.test('it can go on after each item', async (t) => {
    const engine = await fresh(t, place)
    for (const placement of [0, 1, 2, 0, 1, 2]) await publish(engine, 1, placement)
    const whole = await read(engine, 'all')
    t.equal(whole.cursors?.length, 6)
    for (const [i, cursor] of (whole.cursors ?? []).entries())
      t.strictSame(idsIn(await read(engine, 'all', cursor)), idsIn(whole).slice(i + 1))
  })

  t.test('what is new is what is published from now on', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 3, 0)
    await publish(engine, 2, 1)
    const start = await read(engine, 'new')
    t.strictSame(start.items, [])
    const added = []
    for (const placement of [2, 0, 1]) added.push(...(await publish(engine, 1, placement)))
    const found = await read(engine, 'new', start.nextCursor, 2)
    const rest = await read(engine, 'new', found.nextCursor)
    t.strictSame([...idsIn(found), ...idsIn(rest)].sort(), added.sort())
  })

  t.test('who comes back after retention is told so once, and goes on with what is kept', async (t) => {
    const engine = await fresh(t, place)
    const [first = ''] = await settled(engine, 1)
    const start = await read(engine, 'all')
    t.strictSame(idsIn(start), [first])
    const [buried = ''] = await settled(engine, 1, 'dead')
    await settled(engine, 2)
    await sweepAll(engine)
    const [added = ''] = await publish(engine, 1)

    const gap = await read(engine, 'all', start.nextCursor)
    t.match(gap, { items: [], missed: 'swept' })
    const rest = await read(engine, 'all', gap.nextCursor, 1)
    t.strictSame(idsIn(rest), [buried], 'what is kept for longer comes')
    t.strictSame((await readAll(engine, rest.nextCursor))[0], { ids: [added], missed: [] })
    await sweepAll(engine, { resultsBefore: ALL })
    t.match(await read(engine, 'all', start.nextCursor), { missed: 'swept' }, 'whoever comes later as well')
  })

  t.test('who has read all that was swept, or begins after that, has missed nothing', async (t) => {
    const engine = await fresh(t, place)
    const begun = await read(engine, 'new')
    const ids = await settled(engine, 3)
    const [buried = ''] = await settled(engine, 1, 'dead')
    const [done, cursor] = await readAll(engine, begun.nextCursor)
    t.strictSame(done.ids, [...ids, buried])
    const more = await settled(engine, 1)
    const [, last] = await readAll(engine, cursor)
    await sweepAll(engine)
    t.strictSame((await readAll(engine, last))[0], { ids: [], missed: [] })
    t.match(await read(engine, 'all', cursor), { missed: 'swept' }, `without ${more}`)
    t.strictSame((await readAll(engine))[0], { ids: [buried], missed: [] }, 'from the beginning')
    await sweepAll(engine, { resultsBefore: ALL })
    t.strictSame((await readAll(engine))[0], { ids: [], missed: [] })
    t.strictSame((await readAll(engine, last))[0], { ids: [], missed: [] })
    t.match(await read(engine, 'all', begun.nextCursor), { missed: 'swept' })
  })

  t.test('who waits for something rare does not miss what it did not ask for', async (t) => {
    const engine = await fresh(t, place)
    const begun = await read(engine, 'new')
    await publish(engine, 3, 0, { topic: 'others' })
    await settleAll(engine)
    const page = await read(engine, 'all', begun.nextCursor)
    t.match(page, { items: [], atEnd: true })
    await sweepAll(engine)
    const [id = ''] = await publish(engine, 1)
    t.strictSame((await readAll(engine, page.nextCursor))[0], { ids: [id], missed: [] })
  })

  t.test('a place in other data is no place: it begins with all that is kept', async (t) => {
    const [engine, other] = [await fresh(t, place), await fresh(t, place)]
    await publish(other, 2, 0)
    await publish(other, 1, 1)
    const [, cursor] = await readAll(other)
    const empty = await read(engine, 'all', cursor)
    t.match(empty, { items: [], missed: 'lost' }, 'beyond the end')
    const ids = [...(await publish(engine, 2, 0)), ...(await publish(engine, 2, 2))]
    t.strictSame((await readAll(engine, empty.nextCursor))[0].ids.sort(), [...ids].sort())
    const later = await read(engine, 'all', cursor)
    t.match(later, { items: [], missed: 'lost' }, 'where there is other data by now')
    t.strictSame((await readAll(engine, later.nextCursor))[0].ids.sort(), [...ids].sort())
    t.strictSame((await readAll(other, cursor))[0].missed, [], 'it is one of its own')
  })

  t.test('whatever is swept meanwhile, a reader gets everything or is told', async (t) => {
    const engine = await fresh(t, place, RUNS)
    let partition = 0
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant('publish' as const), dead: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const), results: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('discard' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('begin' as const) }) },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('read' as const),
          pick: fc.nat(),
          limit: fc.integer({ min: 1, max: 3 }),
        }),
      },
    )
    const property = fc.asyncProperty(
      fc.array<Step>(step, { minLength: 10, maxLength: 40 }),
      async (steps) => {
        const run = new Run(engine, partition++)
        for (const step of steps) if (!(await run.take(t, step))) return false
        return run.end(t)
      },
    )
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true })
  })
}

const RUNS = 40

type Step =
  | { do: 'publish'; dead: boolean }
  | { do: 'sweep'; results: boolean }
  | { do: 'discard' }
  | { do: 'begin' }
  | { do: 'read'; pick: number; limit: number }

/** Who reads a topic, and what it has to get: what was kept when it began, and what was published since. */
interface Reader {
  cursor: string | undefined
  due: string[]
  /** How often something was swept before it began, or was told that it missed something. */
  sweeps: number
}

class Run {
  readonly readers: Reader[] = []
  readonly dead: string[] = []
  kept: string[] = []
  sweeps = 0
  readonly topic: string

  constructor(
    private readonly engine: Engine,
    private readonly partition: number,
  ) {
    this.topic = `followed${partition}`
  }

  async take(t: Test, step: Step): Promise<boolean> {
    const { engine, partition, topic } = this
    if (step.do === 'publish') {
      const [id = ''] = await publish(engine, 1, partition, { topic })
      await settleAll(engine, step.dead ? 'dead' : 'processed', partition)
      if (step.dead) this.dead.push(id)
      this.kept.push(id)
      for (const { due } of this.readers) due.push(id)
    } else if (step.do === 'begin') this.readers.push({ cursor: undefined, due: [], sweeps: 0 })
    else if (step.do === 'discard') {
      const id = this.dead.shift()
      if (id !== undefined && this.kept.includes(id)) await reopen(engine, id, 'discard')
    } else if (step.do === 'sweep') {
      await sweepAll(engine, { partition, ...(step.results && { resultsBefore: ALL }) })
      const page = await engine.list('events', { topic, limit: 200 })
      if (page.items.length < this.kept.length) this.sweeps++
      this.kept = idsIn(page).reverse()
    } else {
      const reader = this.readers[step.pick % Math.max(1, this.readers.length)]
      if (reader !== undefined) return this.read(t, reader, step.limit)
    }
    return true
  }

  async end(t: Test): Promise<boolean> {
    for (const reader of this.readers)
      while (reader.due.length > 0) if (!(await this.read(t, reader, 100))) return false
    return true
  }

  private async read(t: Test, reader: Reader, limit: number): Promise<boolean> {
    // Until its first page, it has not begun.
    if (reader.cursor === undefined) Object.assign(reader, { due: [...this.kept], sweeps: this.sweeps })
    const { topic } = this
    const cursor = reader.cursor
    const page = await this.engine.list('events', { topic, order: 'asc', follow: 'all', limit, cursor })
    reader.cursor = page.nextCursor ?? undefined
    if (page.missed !== undefined) {
      reader.due = reader.due.filter((id) => this.kept.includes(id))
      const isTrue = reader.sweeps !== this.sweeps
      reader.sweeps = this.sweeps
      return t.same([page.missed, isTrue], ['swept', true])
    }
    const expected = reader.due.splice(0, page.items.length)
    return t.same([idsIn(page), page.items.length > 0 || reader.due.length === 0], [expected, true])
  }
}
