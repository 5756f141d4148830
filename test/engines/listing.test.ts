import fc from 'fast-check'
import t from 'tap'
import type { Queries } from '../../src/engines/engine.js'
import { list, type Range, type Row, type Scanned, type Source } from '../../src/engines/listing.js'
import { firstAt, type Position, position, timeAt } from '../../src/engines/positions.js'
import { logTerms } from '../../src/engines/terms.js'
import { MAX_CURSOR } from '../../src/schemas/common.js'
import type { KeypostEvent } from '../../src/schemas/event.js'

interface Entry {
  partition: number
  terms: string[]
  row: Row<KeypostEvent>
}

/** Logs in an array; counts what is read of them. */
class Logs implements Source {
  readonly entries: Entry[] = []
  read = 0
  constructor(readonly partitions: number) {}

  add(partition: number, at: Position, rest: Partial<KeypostEvent> = {}): string {
    const id = `${partition} ${at}`
    const value = { specversion: '1.0', id, source: '/', type: 'x', topic: 'a', data: null, ...rest } as const
    this.entries.push({
      partition,
      terms: logTerms(value),
      row: { sort: at, value: { time: timeAt(at), ...value } },
    })
    return id
  }

  async scan(ranges: Range[]): Promise<Scanned[]> {
    return ranges.map((range) => {
      const rows = this.entries
        .filter(
          ({ partition, terms, row: { sort } }) =>
            range.index === 'log' &&
            partition === range.partition &&
            (range.term === null || terms.includes(range.term)) &&
            (range.after === null || sort > range.after) &&
            (range.before === null || sort < range.before),
        )
        .map(({ row }) => row)
        .sort((a, b) => (a.sort < b.sort !== range.reverse ? -1 : 1))
        .slice(0, range.limit)
      this.read += rows.length
      return { rows }
    })
  }

  topics = async () => ['a']
}

async function pagesOf(source: Source, query: Queries['events'], limit: number): Promise<string[][]> {
  const pages: string[][] = []
  let cursor: string | undefined
  do {
    const page = await list(source, 'events', { ...query, limit, cursor })
    pages.push(page.items.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return pages
}

const START = Date.UTC(2026, 0, 1)
const instant = fc.integer({ min: -2, max: 8 }).map((ms) => new Date(START + ms).toISOString())

t.test('pages put together are what is asked for, in order, and the last one is not empty', async (t) => {
  const row = fc.record({
    partition: fc.integer({ min: 0, max: 2 }),
    ms: fc.integer({ min: 0, max: 6 }),
    topic: fc.constantFrom('a', 'b'),
  })
  const query = fc.record(
    {
      topic: fc.constantFrom('a', 'b'),
      since: instant,
      until: instant,
      order: fc.constantFrom('asc' as const, 'desc' as const),
    },
    { requiredKeys: ['order'] },
  )
  const property = fc.asyncProperty(
    fc.array(row, { maxLength: 40 }),
    query,
    fc.integer({ min: 1, max: 9 }),
    async (rows, query, limit) => {
      const logs = new Logs(3)
      rows.forEach(({ partition, ms, topic }, i) => {
        logs.add(partition, position(START + ms, i), { topic })
      })
      const pages = await pagesOf(logs, query, limit)
      const expected = logs.entries.filter(
        ({ row: { value, sort } }) =>
          (query.topic === undefined || value.topic === query.topic) &&
          (query.since === undefined || sort >= firstAt(query.since)) &&
          (query.until === undefined || sort < firstAt(query.until)),
      )
      const found = pages.flat()
      const times = found.map((id) => id.split(' ')[1]?.slice(0, 13) ?? '')
      const sorted = [...times].sort()
      if (query.order === 'desc') sorted.reverse()
      return (
        JSON.stringify(times) === JSON.stringify(sorted) &&
        JSON.stringify([...found].sort()) ===
          JSON.stringify(expected.map(({ row }) => row.value.id).sort()) &&
        pages.every((page, i) => page.length === limit || i === pages.length - 1) &&
        (pages.length === 1 || pages.at(-1)?.length !== 0)
      )
    },
  )
  await t.resolves(fc.assert(property, { numRuns: 300 }))
})

t.test('an ascending reader hears of what a slower partition adds behind it', async (t) => {
  const logs = new Logs(2)
  for (const ms of [1, 2, 3, 4]) logs.add(0, position(START + ms, 0))
  const first = await list(logs, 'events', { order: 'asc', limit: 3 })
  const late = [1, 2].map((ms) => logs.add(1, position(START + ms, 0)))
  const cursor = first.nextCursor ?? ''
  const rest = await list(logs, 'events', { order: 'asc', limit: 9, cursor })
  t.strictSame(
    rest.items.map(({ id }) => id),
    [...late, `0 ${position(START + 4, 0)}`],
  )
})

t.test('a list by one filter reads little more than it answers', async (t) => {
  const logs = new Logs(4)
  for (let i = 0; i < 2000; i++)
    logs.add(i % 4, position(START + i, 0), { topic: i % 400 === 0 ? 'rare' : 'a' })
  for (const query of [{ topic: 'rare' }, {}, { topic: 'a' }]) {
    logs.read = 0
    await list(logs, 'events', { ...query, limit: 20 })
    t.ok(logs.read <= 60, `${JSON.stringify(query)}: ${logs.read}`)
  }
})

t.test('filters without an index read at most 1000 rows a page, and all is found in the end', async (t) => {
  const logs = new Logs(3)
  for (let i = 0; i < 4000; i++)
    logs.add(i % 3, position(START + i, 0), { subject: 's', type: i % 900 === 0 ? 'rare' : 'x' })
  for (const order of ['asc', 'desc'] as const) {
    let cursor: string | undefined
    let found = 0
    let pages = 0
    do {
      logs.read = 0
      const page = await list(logs, 'events', { subject: 's', type: 'rare', order, limit: 50, cursor })
      t.ok(logs.read <= 1000, `${logs.read} rows were read`)
      found += page.items.length
      pages++
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    t.equal(found, 5)
    t.ok(pages <= 6, `${pages} pages`)
  }
})

t.test('a cursor over the most partitions fits into a query', async (t) => {
  const logs = new Logs(256)
  for (let i = 0; i < 800; i++) logs.add(i % 256, position(START + i, i))
  const { nextCursor } = await list(logs, 'events', { order: 'asc', limit: 600 })
  t.ok(nextCursor !== null && nextCursor.length <= MAX_CURSOR / 2, 'the results take as much')
})

/** Results in an array, most of which are not shown. */
class Marked implements Source {
  readonly partitions = 2
  read = 0
  constructor(private readonly rows: Row[]) {}

  scan = async (ranges: Range[]): Promise<Scanned[]> =>
    ranges.map(({ partition, after, before, reverse, limit }) => {
      const rows = (partition === 0 ? this.rows : [])
        .filter(({ sort }) => (after === null || sort > after) && (before === null || sort < before))
        .sort((a, b) => (a.sort < b.sort !== reverse ? -1 : 1))
        .slice(0, limit)
      this.read += rows.length
      return { rows }
    })

  topics = async () => ['a']
}

t.test('rows that are hidden or gone end no list, and no page reads many of them', async (t) => {
  const rows = Array.from({ length: 6000 }, (_, i) => ({
    sort: position(START + i, 0),
    value: i % 7 === 0 ? null : { data: { id: String(i) } },
    ...(i % 1500 === 2 ? {} : { mark: i % 2 === 0 ? ('superseded' as const) : ('discarded' as const) }),
  }))
  const source = new Marked(rows)
  const shown = async (discarded: false | undefined, order: 'asc' | 'desc') => {
    const ids: string[] = []
    let cursor: string | undefined
    do {
      source.read = 0
      const page = await list(source, 'results', { limit: 3, discarded, order, cursor })
      t.ok(page.items.length <= 3 && source.read <= 1300, `${source.read} rows were read`)
      ids.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    return order === 'asc' ? ids : ids.reverse()
  }
  const there = rows.flatMap(({ value, mark }) =>
    value === null || mark === 'superseded' ? [] : [{ ...value.data, mark }],
  )
  const left = there.filter(({ mark }) => mark === undefined).map(({ id }) => id)
  for (const order of ['asc', 'desc'] as const) {
    t.strictSame(await shown(false, order), left)
    t.strictSame(
      await shown(undefined, order),
      there.map(({ id }) => id),
    )
  }
})

t.test('the end of a list is known though what is hidden comes after it', async (t) => {
  const rows = Array.from({ length: 20 }, (_, i) => ({
    sort: position(START + i, 0),
    value: { data: { id: String(i) } },
    ...(i < 5 ? {} : { mark: 'superseded' as const }),
  }))
  const page = await list(new Marked(rows), 'results', { limit: 5, order: 'asc' })
  t.equal(page.items.length, 5)
  t.equal(page.nextCursor, null)
})

/** Results of two topics, which go on being added between the reads of two ranges. */
class Growing implements Source {
  readonly partitions = 1
  readonly #rows: { row: Row; topic: string }[] = []

  #add(topic: string): void {
    const sort = position(START + this.#rows.length, 0)
    this.#rows.push({ topic, row: { sort, value: { data: { id: String(this.#rows.length) } } } })
  }

  scan = async (ranges: Range[]): Promise<Scanned[]> =>
    ranges.map(({ term, after, limit, place }) => {
      const rows = this.#rows
        .filter(({ topic, row }) => term?.includes(topic) && (after === null || row.sort > after))
        .map(({ row }) => row)
        .slice(0, limit)
      const end = position(START + this.#rows.length - 1, 0)
      if (this.#rows.length < 60)
        for (const topic of ['cats', 'dogs', 'cats', 'dogs', 'dogs']) this.#add(topic)
      return {
        rows,
        ...(place !== undefined && { state: { end, swept: null, sweptCount: 0, hasPlace: true } }),
      }
    })

  topics = async () => ['cats', 'dogs']
}

t.test('what is added while two indexes are put together is not passed over', async (t) => {
  const all = Array.from({ length: 60 }, (_, i) => String(i))
  for (const follow of [undefined, 'all'] as const)
    for (const limit of [1, 2, 7, 100]) {
      const source = new Growing()
      const ids: string[] = []
      let cursor: string | undefined
      do {
        const query = { status: 'processed', order: 'asc', limit, cursor, follow } as const
        const page = await list(source, 'results', query)
        ids.push(...page.items.map(({ id }) => id))
        cursor = page.nextCursor ?? undefined
        if (page.atEnd && ids.length >= 60) break
      } while (cursor !== undefined)
      t.strictSame(ids, follow === undefined ? all.slice(0, ids.length) : all, `${follow}, pages of ${limit}`)
    }
})
