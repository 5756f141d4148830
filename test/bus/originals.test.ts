import t from 'tap'
import type { Peppers } from '../../src/domain/context.js'
import { placementOf } from '../../src/domain/ids.js'
import { fingerprintsClaim, originalClaim, settleKey } from '../../src/domain/keys.js'
import { fingerprint } from '../../src/domain/secrets.js'
import type { Engine } from '../../src/engines/engine.js'
import type { Key } from '../../src/schemas/key.js'
import { gate, onEachEngine, over, publisherOn } from './fixtures.js'

const [older, newer] = ['o'.repeat(32), 'n'.repeat(32)]
const first: Peppers = [older, newer]
const swapped: Peppers = [newer, older]

const raw = 'sk_test_of_one_original_0123456789'
const prints = [fingerprint(raw, older), fingerprint(raw, newer)].sort() as [string, string]

const submit = async (engine: Engine, peppers: Peppers): Promise<Key> =>
  (await publisherOn(engine, peppers).submitKey({ key: raw, name: 'n' })).record

const originalOf = async (engine: Engine, key: Key) =>
  (await publisherOn(engine, swapped).originalOf(key, false)).duplicateOf

/** As its handler settles it. */
const settle = (engine: Engine, key: Key, duplicateOf: string | null) =>
  engine.commit({
    operationId: `settles/${key.id}`,
    placement: placementOf(key.id),
    ...settleKey(
      key,
      { status: duplicateOf === null ? 'accepted' : 'duplicate', reasons: [], duplicateOf },
      prints,
      new Date(),
    ),
  })

onEachEngine(
  t,
  'a key that is settled while another looks at it is no original of that one',
  async (t, engine) => {
    const other = await submit(engine, first)
    const key = await submit(engine, swapped)
    const duplicate = await submit(engine, swapped)
    t.equal(await originalOf(engine, duplicate), key.id, 'whoever is handled first speaks for the first one')
    const slow = over(engine, {
      swap: async (placement, claim) => {
        if (claim.name === fingerprintsClaim(other.id)) {
          const found = await originalOf(engine, other)
          t.equal(found, key.id)
          await settle(engine, other, found)
        }
        return engine.swap(placement, claim)
      },
    })
    t.equal(await originalOf(slow, key), null)
  },
  { partitions: 5 },
)

onEachEngine(
  t,
  'a handler that was given up takes nothing from the original',
  async (t, engine) => {
    const [late, reached] = [gate(), gate()]
    const before = await submit(engine, first)
    await settle(engine, before, await originalOf(engine, before))
    const key = await submit(engine, swapped)
    const slow = over(engine, {
      swap: async (placement, claim) => {
        if (claim.name === originalClaim(prints) && claim.from === key.id) {
          reached.open()
          await late.opened
        }
        return engine.swap(placement, claim)
      },
    })
    const givenUp = originalOf(slow, key)
    await Promise.race([givenUp, reached.opened])
    await publisherOn(engine, first).revokeKey(before.id, null)
    t.equal(await originalOf(engine, key), null, 'the next attempt finds it to be the original')
    late.open()
    t.equal(await givenUp, before.id)
    const last = await submit(engine, first)
    t.equal(await originalOf(engine, last), key.id)
  },
  { partitions: 5 },
)
