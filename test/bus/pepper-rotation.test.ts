import { randomInt } from 'node:crypto'
import t, { type Test } from 'tap'
import { Idempotency } from '../../src/bus/idempotency.js'
import type { Peppers } from '../../src/domain/context.js'
import { placementFor } from '../../src/domain/ids.js'
import { fingerprintClaim, fingerprintsClaim, originalClaim } from '../../src/domain/keys.js'
import { fingerprint } from '../../src/domain/secrets.js'
import type { Engine } from '../../src/engines/engine.js'
import { Unavailable } from '../../src/engines/errors.js'
import { standardHandlers } from '../../src/handlers/index.js'
import type { Key } from '../../src/schemas/key.js'
import { all, claimed } from '../engines/contract/fixtures.js'
import { open } from '../engines/redis/fixtures.js'
import { redisInstalled, redisServer } from '../redis-server.js'
import { until } from '../until.js'
import { failing, onEachEngine, over, publisherOn, resultOf, subscribe } from './fixtures.js'

const [older, newer] = ['o'.repeat(32), 'n'.repeat(32)]
const steps = {
  before: [older],
  first: [older, newer],
  swapped: [newer, older],
  after: [newer],
} satisfies Record<string, Peppers>
type Step = keyof typeof steps

let unique = 0
const newRaw = () => `sk_test_rotated_${process.pid}_${unique++}_0123456789`

/** Submits a key as a process at this step of the rotation does. */
const submit = (engine: Engine, step: Step, key: string, more: object = {}) =>
  publisherOn(engine, steps[step]).submitKey({ key, name: step, ...more })

const handle = (t: Test, engine: Engine, step: Step = 'swapped') =>
  subscribe(t, engine, standardHandlers, { maxAttempts: 100 }, publisherOn(engine, steps[step]))

/** Submits a key and waits until it is settled. */
async function settled(engine: Engine, step: Step, key: string, more: object = {}): Promise<Key> {
  const { record, eventId } = await submit(engine, step, key, more)
  await resultOf(engine, eventId ?? '')
  const now = await engine.get('keys', record.id)
  if (now === null) throw new Error('it is gone')
  return now
}

const idle = (engine: Engine) =>
  until(async () => {
    const { pending, retrying } = (await engine.stats()).topics.key_submission ?? { pending: 0, retrying: 0 }
    return pending + retrying === 0
  })

/** The keys that were made of one raw key. */
async function keysOf(engine: Engine, raw: string): Promise<Key[]> {
  const lists = [older, newer].map((pepper) => all(engine, 'keys', { fingerprint: fingerprint(raw, pepper) }))
  return (await Promise.all(lists)).flat()
}

/** Everything that is claimed for a raw key, by name. */
async function claims(engine: Engine, raw: string, ...ids: string[]) {
  const prints = [fingerprint(raw, older), fingerprint(raw, newer)].sort() as [string, string]
  const found: string[] = []
  for (const name of [...prints.map(fingerprintClaim), originalClaim(prints)])
    if ((await claimed(engine, placementFor(engine.layout.placementKey, name), name)) !== null)
      found.push(name)
  for (const id of ids)
    if ((await claimed(engine, Number.parseInt(id.slice(-4), 16), fingerprintsClaim(id))) !== null)
      found.push(fingerprintsClaim(id))
  return found
}

onEachEngine(
  t,
  'a key that was written under the old pepper is found under the new one, at every step',
  async (t, engine) => {
    handle(t, engine)
    for (const [was, is] of [
      ['before', 'first'],
      ['before', 'swapped'],
      ['first', 'before'],
      ['first', 'swapped'],
      ['swapped', 'first'],
      ['swapped', 'after'],
      ['after', 'swapped'],
    ] as [Step, Step][]) {
      const raw = newRaw()
      const original = await settled(engine, was, raw)
      t.match(original, {
        status: 'accepted',
        duplicateOf: null,
        fingerprint: fingerprint(raw, steps[was][0]),
      })
      for (let n = 0; n < 2; n++)
        t.match(
          await settled(engine, is, raw),
          { status: 'duplicate', duplicateOf: original.id, fingerprint: fingerprint(raw, steps[is][0]) },
          `${was}, then ${is}`,
        )
      t.match(await settled(engine, was, raw), { status: 'duplicate', duplicateOf: original.id })
    }
  },
  { partitions: 5 },
)

onEachEngine(
  t,
  'a key that ends lets its fingerprints under all peppers go',
  async (t, engine) => {
    handle(t, engine)
    const ends: [string, (step: Step, raw: string) => Promise<string>][] = [
      [
        'revoked',
        async (step, raw) => {
          const { id } = await settled(engine, step, raw)
          await publisherOn(engine, steps[step]).revokeKey(id, null)
          return id
        },
      ],
      [
        'deleted',
        async (step, raw) => {
          const { id } = await settled(engine, step, raw)
          await publisherOn(engine, steps[step]).deleteKey(id, null)
          return id
        },
      ],
      [
        'rejected',
        async (step, raw) => (await settled(engine, step, raw, { expiresAt: '2020-01-01T00:00:00Z' })).id,
      ],
    ]
    for (const [how, end] of ends)
      for (const [was, is] of [
        ['first', 'swapped'],
        ['swapped', 'first'],
        ['before', 'swapped'],
      ] as [Step, Step][]) {
        const raw = newRaw()
        const id = await end(was, raw)
        await idle(engine)
        t.strictSame(await claims(engine, raw, id), [], `${how}: nothing is kept`)
        const next = await settled(engine, is, raw)
        t.match(next, { status: 'accepted', duplicateOf: null }, `${how} under ${was}, again under ${is}`)
        const duplicate = await settled(engine, was === 'before' ? 'first' : was, raw)
        t.match(duplicate, { status: 'duplicate', duplicateOf: next.id })
        t.notOk((await claims(engine, raw, duplicate.id)).includes(fingerprintsClaim(duplicate.id)))
      }
  },
  { partitions: 5 },
)

onEachEngine(
  t,
  'with one pepper a key claims its fingerprint and nothing else, in the commit',
  async (t, engine) => {
    let swaps = 0
    const counted = over(engine, {
      swap: (placement, claim) => {
        swaps++
        return engine.swap(placement, claim)
      },
    })
    subscribe(t, engine, standardHandlers, {}, publisherOn(counted, [older]))
    const raw = newRaw()
    const { record, eventId } = await publisherOn(counted, [older]).submitKey({ key: raw, name: 'n' })
    await resultOf(engine, eventId ?? '')
    t.equal(swaps, 0)
    t.strictSame(await claims(engine, raw, record.id), [fingerprintClaim(record.fingerprint)])
  },
)

onEachEngine(
  t,
  'those of one key that are committed before any is handled agree on the original',
  async (t, engine) => {
    const rounds = Array.from({ length: 20 }, newRaw)
    for (const raw of rounds)
      for (const step of ['first', 'swapped', 'swapped', 'first'] as const) await submit(engine, step, raw)
    for (const raw of rounds)
      t.equal((await keysOf(engine, raw)).filter(({ duplicateOf }) => duplicateOf === null).length, 2)
    handle(t, engine, 'first')
    await idle(engine)
    for (const raw of rounds) isOne(t, await keysOf(engine, raw))
  },
  { partitions: 5 },
)

onEachEngine(
  t,
  'a request that is sent again after a rotation, or to a process of another step, has one effect',
  async (t, engine) => {
    handle(t, engine)
    const send = (step: Step, key: string, crashes = false) => {
      const body = { key, name: 'n' }
      return new Idempotency(engine, steps[step]).once(
        ['POST', '/keys', key],
        { body },
        async (operation) => {
          const { record } = await publisherOn(engine, steps[step]).submitKey(body, operation)
          if (crashes) throw new Error('killed')
          return { status: 202, headers: {}, body: record.id }
        },
      )
    }
    for (const [was, is] of [
      ['before', 'first'],
      ['before', 'swapped'],
      ['first', 'swapped'],
      ['swapped', 'first'],
      ['swapped', 'after'],
    ] as [Step, Step][]) {
      const answered = newRaw()
      const { answer } = await send(was, answered)
      t.strictSame(await send(is, answered), { answer, replayed: true }, `${was}, then ${is}`)
      t.equal((await keysOf(engine, answered)).length, 1)

      const killed = newRaw()
      await t.rejects(send(was, killed, true), { message: 'killed' })
      const [key] = await keysOf(engine, killed)
      t.match(await send(is, killed), { answer: { body: key?.id } }, `${was}, killed, then ${is}`)
      t.equal((await keysOf(engine, killed)).length, 1)

      const both = newRaw()
      const [one, other] = await Promise.all([send(was, both), send(is, both)])
      t.strictSame(one.answer, other.answer, `${was} and ${is} at once`)
      t.equal((await keysOf(engine, both)).length, 1)
    }
  },
  { partitions: 5 },
)

onEachEngine(t, 'a patch that holds the key is refused, whatever it was written under', async (t, engine) => {
  for (const [was, is] of [
    ['before', 'first'],
    ['before', 'swapped'],
    ['swapped', 'first'],
  ] as [Step, Step][]) {
    const raw = newRaw()
    const { record } = await submit(engine, was, raw)
    const patch = publisherOn(engine, steps[is]).updateKey(record.id, { name: `it is ${raw}` }, null)
    await t.rejects(patch, { code: 'key_in_metadata' }, `${was}, then ${is}`)
  }
})

/** One is the original; all others are duplicates of it. */
function isOne(t: Test, keys: Key[]) {
  const originals = keys.filter(({ status }) => status === 'accepted')
  t.equal(originals.length, 1, originals.map(({ name }) => name).join())
  for (const key of keys)
    if (key !== originals[0]) t.match(key, { status: 'duplicate', duplicateOf: originals[0]?.id })
}

/**
 * Processes of both steps submit, revoke and delete the same keys, and crash. At no moment are two of one raw key
 * accepted, and in the end the next one is accepted if and only if none is.
 */
async function race(t: Test, look: Engine, sides: { engine: Engine; step: 'first' | 'swapped' }[]) {
  const raws = Array.from({ length: 6 }, newRaw)
  const any = <T>(list: T[]): T => list[randomInt(list.length)] as T
  const ids: string[] = []
  const step = async () => {
    const { engine, step } = any(sides)
    const publisher = publisherOn(failing(engine, 12), steps[step])
    const chance = randomInt(10)
    if (ids.length < 6 || chance < 7)
      ids.push((await publisher.submitKey({ key: any(raws), name: step })).record.id)
    else if (chance < 9) await publisher.revokeKey(any(ids), null)
    else await publisher.deleteKey(any(ids), null)
  }
  const accepted = async () => {
    const lists = await Promise.all(raws.map((raw) => keysOf(look, raw)))
    return lists.map((keys) => keys.filter(({ status }) => status === 'accepted').length)
  }
  for (let round = 0; round < 30; round++) {
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, step))
    for (const outcome of outcomes)
      if (outcome.status === 'rejected' && !(outcome.reason instanceof Unavailable))
        t.ok(['not_found', 'conflict'].includes(outcome.reason.code), outcome.reason.message)
    const counts = await accepted()
    t.ok(
      counts.every((count) => count <= 1),
      `round ${round}: ${counts}`,
    )
  }
  await idle(look)
  const counts = await accepted()
  for (const [i, raw] of raws.entries()) {
    t.ok((counts[i] ?? 2) <= 1)
    const next = await settled(look, any(['first', 'swapped'] as const), raw)
    t.equal(next.status, counts[i] === 0 ? 'accepted' : 'duplicate', next.name)
  }
}

onEachEngine(
  t,
  'whoever races and crashes, of one key there is one original',
  async (t, engine) => {
    for (const step of ['first', 'swapped'] as const)
      subscribe(
        t,
        failing(engine, 12),
        standardHandlers,
        { maxAttempts: 100 },
        publisherOn(failing(engine, 12), steps[step]),
      )
    await race(t, engine, [
      { engine, step: 'first' },
      { engine, step: 'swapped' },
    ])
  },
  { partitions: 5 },
)

t.test('whoever races and crashes, of one key there is one original: processes on one Redis', async (t) => {
  if (!redisInstalled(t)) return
  const { url } = await redisServer(t)
  const sides = []
  for (const step of ['first', 'swapped', 'first', 'swapped'] as const) {
    const engine = await open(t, url, { partitions: 5 })
    handle(t, failing(engine, 12), step)
    sides.push({ engine, step })
  }
  await race(t, await open(t, url), sides)
})
