import type { Test } from 'tap'
import type { Stored } from '../../../src/engines/engine.js'
import {
  all,
  done,
  event,
  fresh,
  key,
  type Place,
  profile,
  publish,
  publishing,
  reclaim,
  take,
  writing,
} from './fixtures.js'

const idsIn = (items: { id: string }[]) => items.map(({ id }) => id)
const isOnce = (t: Test, ids: string[]) => t.equal(new Set(ids).size, ids.length, 'nothing is doubled')

export function paging(t: Test, place: Place): void {
  for (const filter of [{}, { topic: 'things' }, { topic: 'things', subject: 's' }])
    for (const order of ['desc', 'asc'] as const)
      t.test(`events, ${order}, ${JSON.stringify(filter)}, while rows are added`, async (t) => {
        const engine = await fresh(t, place)
        const add = (placement: number) => publish(engine, 1, placement, { subject: 's' })
        const there = (await Promise.all(Array.from({ length: 45 }, (_, i) => add(i)))).flat()
        const added: string[] = []
        const between = async () => {
          if (added.length < 12) added.push(...(await Promise.all([0, 1, 2].map(add))).flat())
        }
        const found = idsIn(await all(engine, 'events', { ...filter, order }, { limit: 4, between }))
        isOnce(t, found)
        const missing = (order === 'asc' ? [...there, ...added] : there).filter((id) => !found.includes(id))
        t.strictSame(missing, [], 'nothing is skipped')
        t.strictSame(
          found.filter((id) => !there.includes(id) && !added.includes(id)),
          [],
        )
      })

  for (const order of ['desc', 'asc'] as const)
    t.test(`results, ${order}, while events are settled`, async (t) => {
      const engine = await fresh(t, place)
      for (const placement of [0, 1, 2]) await publish(engine, 24, placement, { subject: 's' })
      const tokens = await Promise.all([0, 1, 2].map((partition) => take(engine, partition)))
      const settle = async (count: number) => {
        const ids = await Promise.all(
          tokens.map(async (token, partition) => {
            const { fresh: found } = await engine.claim(partition, null, count)
            await engine.settle(
              partition,
              token,
              found.map((delivery) => done(delivery)),
            )
            return found.map(({ event }) => event.id)
          }),
        )
        return ids.flat()
      }
      for (const filter of [{}, { status: 'processed' as const }, { topic: 'things', subject: 's' }]) {
        await settle(4)
        const there = idsIn(await all(engine, 'results', {}))
        const added: string[] = []
        const between = async () => {
          if (added.length < 6) added.push(...(await settle(1)))
        }
        const found = idsIn(await all(engine, 'results', { ...filter, order }, { limit: 4, between }))
        isOnce(t, found)
        const expected = order === 'asc' ? [...there, ...added] : there
        t.strictSame(
          expected.filter((id) => !found.includes(id)),
          [],
          'nothing is skipped',
        )
      }
    })

  t.test('keys and profiles, newest first, while records are added', async (t) => {
    const engine = await fresh(t, place)
    for (const kind of ['keys', 'profiles'] as const) {
      const add = async (placement: number) => {
        const record = kind === 'keys' ? key(placement) : profile(placement)
        await engine.commit(writing(placement, kind, null, record))
        return record.id
      }
      const there = await Promise.all(Array.from({ length: 30 }, (_, i) => add(i)))
      let added = 0
      const between = () => add(added++)
      const found = idsIn(await all(engine, kind, {}, { limit: 4, between }))
      t.strictSame(found, there.reverse())
    }
  })

  t.test('events of one millisecond in several partitions are neither doubled nor skipped', async (t) => {
    const engine = await fresh(t, place)
    const changes = Array.from({ length: 3 }, (_, i) =>
      publishing(i, ...Array.from({ length: 20 }, () => event(i))),
    )
    await Promise.all(changes.map((change) => engine.commit(change)))
    for (const order of ['asc', 'desc'] as const) {
      const found = idsIn(await all(engine, 'events', { order }, { limit: 7 }))
      t.equal(found.length, 60)
      isOnce(t, found)
    }
  })

  t.test('the end of a list is known without an empty page', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 6)
    const page = await engine.list('events', { limit: 6 })
    t.equal(page.items.length, 6)
    t.equal(page.nextCursor, null)
    t.strictSame(await engine.list('results', { limit: 6 }), { items: [], nextCursor: null })
  })

  t.test('a reader of an ascending list hears of what is published behind it', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 3, 0)
    await publish(engine, 3, 1)
    const first = await engine.list('events', { order: 'asc', limit: 5 })
    const [late] = await publish(engine, 1, 2)
    const cursor = first.nextCursor ?? ''
    const rest = await engine.list('events', { order: 'asc', limit: 5, cursor })
    t.ok(idsIn(rest.items).includes(late ?? ''))
    t.equal(rest.items.length, 2)
  })

  t.test('a cursor that this list did not give is refused', async (t) => {
    const engine = await fresh(t, place)
    await Promise.all(Array.from({ length: 6 }, (_, i) => engine.commit(writing(i, 'keys', null, key(i)))))
    for (const partition of [0, 1, 2]) {
      const token = await take(engine, partition)
      const { fresh: found } = await reclaim(engine, partition)
      await engine.settle(
        partition,
        token,
        found.map((delivery) => done(delivery)),
      )
    }
    const cursorOf = async <K extends keyof Stored>(kind: K, query: object = {}) =>
      (await engine.list(kind, { ...query, limit: 1 })).nextCursor ?? t.fail('there is more')
    const cursors = {
      keys: await cursorOf('keys'),
      events: await cursorOf('events'),
      'events, oldest first': await cursorOf('events', { order: 'asc' }),
      'events of one topic': await cursorOf('events', { topic: 'things' }),
      results: await cursorOf('results'),
      'results, oldest first': await cursorOf('results', { order: 'asc' }),
    }
    const good = String(cursors.events)
    const text = Buffer.from(good, 'base64url').toString()
    const forged = [
      '',
      'x',
      '%%%',
      `${good}=`,
      `${good} `,
      good.slice(0, -2),
      ...[`${text},`, `${text}-`, text.replace(',3', ',4'), 'events', '[]', text.toUpperCase()].map((other) =>
        Buffer.from(other).toString('base64url'),
      ),
    ]
    for (const cursor of forged)
      await t.rejects(engine.list('events', { limit: 1, cursor }), { name: 'BadCursor' }, cursor)
    for (const [of, cursor] of Object.entries(cursors).filter(([of]) => of !== 'events'))
      await t.rejects(engine.list('events', { limit: 1, cursor: String(cursor) }), { name: 'BadCursor' }, of)
    await t.rejects(engine.list('keys', { limit: 1, cursor: good }), { name: 'BadCursor' })
    await t.resolves(engine.list('events', { limit: 1, cursor: good }))
  })
}
