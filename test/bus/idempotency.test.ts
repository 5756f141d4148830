import t from 'tap'
import { type Answer, Idempotency } from '../../src/bus/idempotency.js'
import type { Operation } from '../../src/domain/context.js'
import { placementFor, timeOf } from '../../src/domain/ids.js'
import type { Claim, Engine } from '../../src/engines/engine.js'
import { Unavailable } from '../../src/engines/errors.js'
import { KeypostError } from '../../src/errors.js'
import { gate, onEachEngine, over } from './fixtures.js'

const partitions = { partitions: 3 }
const scope = [null, 'POST', '/things', 'one key']
const content = { body: { b: [1, { d: 2, c: null }], a: '1' }, query: {} }
const HOUR = 3_600_000

/** One process: what is in memory is its own. */
const processOn = (engine: Engine) => new Idempotency(engine, ['p'.repeat(32)])
const answered = (n: number): Answer => ({ status: 201, headers: { location: `/${n}` }, body: { n } })
const refusal = () => new KeypostError('email_taken', 'refused')

/** Hears of every swap that an engine is asked for. */
function recording(engine: Engine) {
  const claims: Claim[] = []
  const swap = (placement: number, claim: Claim) => {
    claims.push(claim)
    return engine.swap(placement, claim)
  }
  return { claims, engine: over(engine, { swap }) }
}

onEachEngine(
  t,
  'what was answered once is answered again, and nothing is carried out',
  async (t, engine) => {
    const first = processOn(engine)
    const answer = answered(1)
    t.strictSame(await first.once(scope, content, async () => answer), { answer, replayed: false })
    const again = async () => t.fail('carried out again')
    t.strictSame(await first.once(scope, content, again as never), { answer, replayed: true })
    t.strictSame(await processOn(engine).once(scope, content, again as never), { answer, replayed: true })
    const sorted = { query: {}, body: { a: '1', b: [1, { c: null, d: 2 }] } }
    t.match(await first.once(scope, sorted, again as never), { replayed: true }, 'names have no order')
    for (const other of [
      { ...content, query: { x: '1' } },
      { ...content, body: { ...content.body, b: [{ c: null, d: 2 }, 1] } },
    ])
      await t.rejects(first.once(scope, other, again as never), { code: 'idempotency_mismatch' })
    for (const part of scope.keys()) {
      const other = scope.with(part, 'another')
      t.match(await first.once(other, content, async () => answered(2)), { replayed: false }, other.join(' '))
    }
  },
  partitions,
)

onEachEngine(
  t,
  'in one process the later ones wait for the first',
  async (t, engine) => {
    const { open, opened } = gate()
    const one = processOn(engine)
    let carriedOut = 0
    const all = Array.from({ length: 20 }, (_, n) =>
      one.once(scope, content, async () => {
        carriedOut++
        await opened
        return answered(n)
      }),
    )
    // What the others could do meanwhile they have done by then.
    for (const n of [1, 2, 3]) await one.once([...scope, `${n}`], content, async () => answered(n))
    open()
    const answers = await Promise.all(all)
    t.equal(carriedOut, 1)
    for (const { answer } of answers) t.strictSame(answer, answered(0))
    t.equal(answers.filter(({ replayed }) => replayed).length, 19)
  },
  partitions,
)

onEachEngine(
  t,
  'two processes carry out the same operation, and answer what was done first',
  async (t, engine) => {
    const slow = gate()
    const begun = gate()
    const operations: Operation[] = []
    const first = processOn(engine).once(scope, content, async (operation) => {
      operations.push(operation)
      begun.open()
      await slow.opened
      return answered(1)
    })
    await begun.opened
    const second = await processOn(engine).once(scope, content, async (operation) => {
      operations.push(operation)
      return answered(2)
    })
    slow.open()
    t.strictSame(second, { answer: answered(2), replayed: false })
    t.strictSame(await first, { answer: answered(2), replayed: true })
    t.strictSame(operations[0], operations[1])
  },
  partitions,
)

onEachEngine(
  t,
  'one that ended nobody knows how is carried out again as the same operation, also if its answer was lost',
  async (t, engine) => {
    const operations: string[] = []
    const run = async ({ id }: Operation) => {
      operations.push(id)
      return answered(operations.length)
    }
    const crash = async (operation: Operation) => {
      await run(operation)
      throw new Unavailable('the reply was lost')
    }
    await t.rejects(processOn(engine).once(scope, content, crash), { name: 'Unavailable' })
    const failing = over(engine, {
      swap: (placement, claim) =>
        claim.to?.includes('"answer"')
          ? Promise.reject(new Unavailable('gone before the answer was stored'))
          : engine.swap(placement, claim),
    })
    await t.rejects(processOn(failing).once(scope, content, run), { name: 'Unavailable' })
    const third = await processOn(engine).once(scope, content, run)
    t.strictSame(third, { answer: answered(3), replayed: false })
    t.equal(new Set(operations).size, 1)
  },
  partitions,
)

onEachEngine(
  t,
  'a key whose request was refused is free, unless somebody else may still be at it',
  async (t, engine) => {
    const operations: string[] = []
    const refused = async ({ id }: Operation): Promise<Answer> => {
      operations.push(id)
      throw refusal()
    }
    const one = processOn(engine)
    await t.rejects(one.once(scope, content, refused), { code: 'email_taken' })
    await t.rejects(one.once(scope, { body: 'another' }, refused), { code: 'email_taken' })
    t.equal(new Set(operations).size, 2)

    const slow = gate()
    const begun = gate()
    const first = one.once(scope, content, async ({ id }) => {
      operations.push(id)
      begun.open()
      await slow.opened
      return answered(1)
    })
    await begun.opened
    await t.rejects(processOn(engine).once(scope, content, refused), { code: 'email_taken' })
    const other = processOn(engine).once(scope, { body: 'another' }, refused)
    await t.rejects(other, { code: 'idempotency_mismatch' })
    slow.open()
    t.strictSame(await first, { answer: answered(1), replayed: false })
    t.equal(operations[2], operations[3], 'the one that was refused was the same operation')
  },
  partitions,
)

onEachEngine(
  t,
  'the first is refused while another is at it: the reservation stays for the other',
  async (t, engine) => {
    const [slow, begun] = [gate(), gate()]
    const first = processOn(engine).once(scope, content, async () => {
      begun.open()
      await slow.opened
      throw refusal()
    })
    await begun.opened
    const second = await processOn(engine).once(scope, content, async () => {
      slow.open()
      await t.rejects(first, { code: 'email_taken' })
      return answered(2)
    })
    t.strictSame(second, { answer: answered(2), replayed: false })
    const third = processOn(engine).once(scope, content, async () => answered(3))
    t.strictSame(await third, { answer: answered(2), replayed: true })
  },
  partitions,
)

onEachEngine(
  t,
  'a reservation ends before its operation is forgotten, also when it is shared late',
  async (t, engine) => {
    const recorded = recording(engine)
    const crash = async ({ ttlMs }: Operation): Promise<Answer> => {
      t.equal(ttlMs, 25 * HOUR)
      throw new Unavailable('crashed')
    }
    await t.rejects(processOn(recorded.engine).once(scope, content, crash), { name: 'Unavailable' })
    const [reserved] = recorded.claims
    if (reserved?.to === null || reserved === undefined) throw new Error('nothing was reserved')
    t.equal(reserved.ttlMs, 24 * HOUR)

    const { operationId, content: hmac } = JSON.parse(reserved.to)
    const ms = Date.parse(timeOf(operationId)) - 20 * HOUR
    const hex = ms.toString(16).padStart(12, '0')
    const old = { content: hmac, operationId: `${hex.slice(0, 8)}-${hex.slice(8)}${operationId.slice(13)}` }
    const at = placementFor(engine.layout.placementKey, reserved.name)
    await engine.swap(at, { name: reserved.name, from: reserved.to, to: JSON.stringify(old) })
    await t.rejects(processOn(recorded.engine).once(scope, content, crash), { name: 'Unavailable' })
    const shared = recorded.claims.find(({ to }) => to?.includes('shared'))
    t.ok(shared?.ttlMs !== undefined && shared.ttlMs <= 4 * HOUR && shared.ttlMs > 3.9 * HOUR)
    t.strictSame(JSON.parse(shared?.to ?? ''), { ...old, shared: true })
  },
  partitions,
)

onEachEngine(t, 'what is kept tells nothing of the key or of what was sent', async (t, engine) => {
  const { claims, engine: recorded } = recording(engine)
  const secret = { body: { key: 'sk_secret_0123456789' }, query: { token: 'also_secret' } }
  const name = [null, 'POST', '/keys', 'my_secret_idempotency_key']
  await processOn(recorded).once(name, secret, async () => answered(1))
  const other = new Idempotency(recorded, ['q'.repeat(32)])
  await other.once(name.with(3, 'another_secret_key'), secret, async () => answered(1))
  t.notMatch(JSON.stringify(claims), /secret/)
  for (const claim of claims) t.match(claim.name, /^idempotency:[0-9a-f]{64}$/)
  const hmacs = claims.flatMap(({ to }) => (to === null ? [] : [JSON.parse(to).content]))
  t.equal(new Set(hmacs).size, 2, 'another pepper, another HMAC: it is no plain hash')
  for (const hmac of hmacs) t.match(hmac, /^[0-9a-f]{64}$/)
})
