import type { Test } from 'tap'
import { newId } from '../../../src/domain/ids.js'
import type { Lease } from '../../../src/engines/engine.js'
import { fresh, type Place } from './fixtures.js'

const lease = (partition: number, processor: string, beat = 1): Lease => ({
  partition,
  token: newId(),
  processor,
  beat,
})

export function leases(t: Test, place: Place): void {
  t.test('a lease is taken, renewed and given back by who has it', async (t) => {
    const engine = await fresh(t, place)
    t.strictSame((await engine.lease(null, [])).leases, [null, null, null])
    const mine = lease(1, 'a')
    const taken = await engine.lease(null, [{ partition: 1, from: null, to: mine }])
    t.strictSame(taken.leases, [null, mine, null])
    const renewed = { ...mine, beat: 2 }
    const after = await engine.lease(null, [{ partition: 1, from: mine, to: renewed }])
    t.strictSame(after.leases, [null, renewed, null])
    const free = await engine.lease(null, [{ partition: 1, from: renewed, to: null }])
    t.strictSame(free.leases, [null, null, null])
  })

  t.test('of two contenders one gets the partition', async (t) => {
    const engine = await fresh(t, place)
    const contenders = Array.from({ length: 10 }, (_, i) => lease(0, `p${i}`))
    const fleets = await Promise.all(
      contenders.map((to) => engine.lease(null, [{ partition: 0, from: null, to }])),
    )
    const winners = new Set(fleets.map(({ leases }) => leases[0]?.token))
    t.equal(winners.size, 1, 'and all hear who it is')
    const [winner] = winners
    t.ok(contenders.some(({ token }) => token === winner))
  })

  t.test('a lease is compared whole', async (t) => {
    const engine = await fresh(t, place)
    const held = lease(0, 'a')
    await engine.lease(null, [{ partition: 0, from: null, to: held }])
    const others = {
      beat: { ...held, beat: 2 },
      token: { ...held, token: newId() },
      processor: { ...held, processor: 'b' },
      none: null,
    }
    for (const [what, from] of Object.entries(others)) {
      const fleet = await engine.lease(null, [{ partition: 0, from, to: lease(0, 'thief') }])
      t.strictSame(fleet.leases[0], held, `another ${what}`)
    }
  })

  t.test('swaps of several partitions each answer for themselves', async (t) => {
    const engine = await fresh(t, place)
    const [a, b, c] = [lease(0, 'a'), lease(1, 'b'), lease(2, 'c')]
    await engine.lease(null, [{ partition: 1, from: null, to: b }])
    const fleet = await engine.lease(null, [
      { partition: 0, from: null, to: a },
      { partition: 1, from: null, to: { ...b, token: newId() } },
      { partition: 2, from: null, to: c },
    ])
    t.strictSame(fleet.leases, [a, b, c])
  })

  t.test('processors that announce themselves are seen with what they said last', async (t) => {
    const engine = await fresh(t, place)
    const a = { id: 'a', lastPollAt: null, handlers: ['things/thing.happened'], beat: 1 }
    const b = { id: 'b', lastPollAt: '2026-01-01T00:00:00.000Z', handlers: [], beat: 1 }
    await engine.lease(a, [])
    await engine.lease(b, [])
    const { processors } = await engine.lease({ ...a, beat: 2 }, [])
    t.strictSame(
      processors.sort((x, y) => (x.id < y.id ? -1 : 1)),
      [{ ...a, beat: 2 }, b],
    )
    t.equal((await engine.lease(null, [])).processors.length, 2, 'who only looks is not one of them')
  })
}
