import t from 'tap'
import { Membership } from '../../src/bus/membership.js'
import type { Fleet, Lease, LeaseSwap } from '../../src/engines/engine.js'

const LEASE_MS = 1000

/** What all processors share, as an engine keeps it: leases that are compared and swapped whole. */
class Shared {
  readonly leases: (Lease | null)[]
  readonly beats = new Map<string, number>()

  constructor(partitions: number) {
    this.leases = Array(partitions).fill(null)
  }

  lease(id: string, swaps: LeaseSwap[], beat = (this.beats.get(id) ?? 0) + 1): Fleet {
    this.beats.set(id, beat)
    for (const { partition, from, to } of swaps)
      if (JSON.stringify(this.leases[partition]) === JSON.stringify(from)) this.leases[partition] = to
    return this.look()
  }

  look(): Fleet {
    const processors = [...this.beats].map(([id, beat]) => ({ id, beat, lastPollAt: null, handlers: [] }))
    return structuredClone({ leases: this.leases, processors })
  }

  holders(): (string | null)[] {
    return this.leases.map((lease) => lease?.processor ?? null)
  }
}

/** A processor that looks at the shared state and acts on it, as often as it is told. */
class Member {
  readonly membership: Membership
  swaps: LeaseSwap[] = []

  constructor(
    readonly id: string,
    private readonly shared: Shared,
  ) {
    this.membership = new Membership(id, LEASE_MS)
  }

  /** `lose`: what it sends arrives, and the answer does not. */
  beat(now: number, { lose = false } = {}): void {
    const fleet = this.shared.lease(this.id, this.swaps)
    if (lose) return
    this.membership.observe(fleet, now)
    const surplus = this.membership.surplus(now)
    const drained = new Set([...this.membership.held().keys()].slice(0, surplus))
    this.swaps = this.membership.plan(now, drained)
  }
}

const count = (holders: (string | null)[], id: string) => holders.filter((holder) => holder === id).length

t.test('one alone takes everything, and renews it with each beat', async (t) => {
  const shared = new Shared(3)
  const a = new Member('a', shared)
  for (const now of [0, 100]) a.beat(now)
  t.strictSame(shared.holders(), ['a', 'a', 'a'])
  t.equal(new Set(shared.leases.map((lease) => lease?.token)).size, 3, 'a token for each acquisition')
  const tokens = shared.leases.map((lease) => lease?.token)
  a.beat(200)
  t.strictSame(
    shared.leases.map((lease) => lease?.token),
    tokens,
  )
  t.strictSame(
    shared.leases.map((lease) => lease?.beat),
    [2, 2, 2],
  )
})

t.test('who comes later gets its share, rounded up, and no more', async (t) => {
  const shared = new Shared(8)
  const members = ['a', 'b', 'c'].map((id) => new Member(id, shared))
  let now = 0
  for (let living = 1; living <= members.length; living++) {
    // Less than a lease time: what is free that long may be taken by anyone.
    for (let round = 0; round < 8; round++, now += 100)
      for (const member of members.slice(0, living)) member.beat(now)
  }
  const shares = members.map(({ id }) => count(shared.holders(), id))
  t.equal(
    shares.reduce((sum, share) => sum + share),
    8,
  )
  t.ok(
    shares.every((share) => share === 2 || share === 3),
    shares.join(),
  )
})

t.test('what is held above the share is surplus', async (t) => {
  const shared = new Shared(4)
  const a = new Member('a', shared)
  for (const now of [0, 100]) a.beat(now)
  a.membership.observe(shared.lease('b', []), 200)
  t.equal(a.membership.surplus(200), 2)
  t.equal(a.membership.surplus(200 + LEASE_MS - 1), 2)
  t.equal(a.membership.surplus(200 + LEASE_MS), 0, 'b said nothing for a lease time')
})

t.test(
  'a dead processor is forgotten, and its leases are taken, after a lease time and not before',
  async (t) => {
    const shared = new Shared(2)
    const [a, b] = [new Member('a', shared), new Member('b', shared)]
    for (const now of [0, 100, 200, 300, 400]) for (const member of [a, b]) member.beat(now)
    t.strictSame(shared.holders().sort(), ['a', 'b'])
    // The last sign of b is seen by a at its next beat, at 500.
    for (let now = 500; now < 500 + LEASE_MS; now += 100) {
      a.beat(now)
      t.equal(count(shared.holders(), 'b'), 1, String(now))
    }
    a.beat(500 + LEASE_MS)
    a.beat(600 + LEASE_MS)
    t.strictSame(shared.holders(), ['a', 'a'])
  },
)

t.test('only the own clock counts, from when one first looked', async (t) => {
  const shared = new Shared(1)
  const lease: Lease = { partition: 0, token: 'long ago', processor: 'dead', beat: 7 }
  shared.leases[0] = lease
  shared.beats.set('dead', 7)
  const a = new Membership('a', LEASE_MS)
  const late = 1_000_000
  a.observe(shared.look(), late)
  t.strictSame(a.plan(late, new Set()), [])
  a.observe(shared.look(), late + LEASE_MS - 1)
  t.strictSame(a.plan(late + LEASE_MS - 1, new Set()), [])
  a.observe(shared.look(), late + LEASE_MS)
  t.match(a.plan(late + LEASE_MS, new Set()), [
    { partition: 0, from: lease, to: { processor: 'a', beat: 1 } },
  ])
})

t.test('a lease that is renewed is never taken, however long it is held', async (t) => {
  const shared = new Shared(1)
  const [a, b] = [new Member('a', shared), new Member('b', shared)]
  for (let now = 0; now < 20 * LEASE_MS; now += LEASE_MS / 4) for (const member of [a, b]) member.beat(now)
  t.strictSame(shared.holders(), ['a'])
})

t.test('a free partition above the share is taken once it was free for a lease time', async (t) => {
  const shared = new Shared(2)
  shared.lease('b', [])
  const a = new Member('a', shared)
  const seen = new Map<number, number>()
  // b lives, and takes nothing.
  for (let now = 0; now <= 2 * LEASE_MS; now += 100) {
    shared.lease('b', [])
    a.beat(now)
    seen.set(now, count(shared.holders(), 'a'))
  }
  t.equal(seen.get(100), 1, 'its share at once')
  t.equal(seen.get(LEASE_MS), 1)
  t.equal(seen.get(LEASE_MS + 100), 2, 'nobody else wanted it')
})

t.test('who has left (beat 0) counts no more, at once', async (t) => {
  const shared = new Shared(2)
  const [a, b] = [new Member('a', shared), new Member('b', shared)]
  for (const now of [0, 100, 200, 300]) for (const member of [a, b]) member.beat(now)
  t.strictSame(shared.holders().sort(), ['a', 'b'])
  const releases = b.membership.plan(300, new Set(b.membership.held().keys())).filter(({ to }) => to === null)
  t.equal(releases.length, 1)
  shared.lease('b', releases, 0)
  for (const now of [400, 500]) a.beat(now)
  t.strictSame(shared.holders(), ['a', 'a'])
})

t.test('an acquisition whose answer was lost is recognised by its token', async (t) => {
  const shared = new Shared(1)
  const a = new Member('a', shared)
  a.beat(0)
  a.beat(100, { lose: true })
  t.strictSame(shared.holders(), ['a'])
  t.equal(a.membership.held().size, 0, 'it cannot know yet')
  a.beat(200)
  t.strictSame([...a.membership.held()], [[0, shared.leases[0]?.token]])
})

t.test('a lease of an earlier acquisition is not held', async (t) => {
  const shared = new Shared(1)
  const a = new Member('a', shared)
  for (const now of [0, 100]) a.beat(now)
  shared.leases[0] = { partition: 0, token: 'of another', processor: 'a', beat: 2 }
  a.beat(200)
  t.strictSame([...a.membership.held()], [])
  t.strictSame(shared.leases[0]?.token, 'of another', 'and is not renewed')
})

t.test('what is drained is given back, the rest renewed', async (t) => {
  const shared = new Shared(2)
  const a = new Member('a', shared)
  for (const now of [0, 100]) a.beat(now)
  const swaps = a.membership.plan(100, new Set([1]))
  t.match(swaps, [
    { partition: 0, to: { beat: 2 } },
    { partition: 1, to: null },
  ])
})
