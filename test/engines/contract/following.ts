import type { Test } from 'tap'
import type { Engine, Listed } from '../../../src/engines/engine.js'
import type { KeypostEvent } from '../../../src/schemas/event.js'
import { fresh, type Place, publish } from './fixtures.js'

const idsIn = ({ items }: Listed<KeypostEvent>) => items.map(({ id }) => id)

const read = (engine: Engine, follow: 'all' | 'new', cursor?: string | null, limit = 100) =>
  engine.list('events', { topic: 'things', order: 'asc', follow, limit, cursor: cursor ?? undefined })

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
}
