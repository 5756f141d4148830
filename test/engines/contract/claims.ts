import type { Test } from 'tap'
import { until } from '../../until.js'
import { claimed, event, fresh, next, type Place, profile, publishing, writing } from './fixtures.js'

export function claims(t: Test, place: Place): void {
  t.test('a swap takes place if the claim is as expected, and says what it found', async (t) => {
    const engine = await fresh(t, place)
    const swap = (from: string | null, to: string | null) => engine.swap(1, { name: 'n', from, to })
    t.equal(await swap(null, 'a'), null)
    t.equal(await swap(null, 'b'), 'a', 'it was not free')
    t.equal(await swap('a', 'b'), 'a')
    t.equal(await swap('a', null), 'b', 'a release of what it is no longer does nothing')
    t.equal(await claimed(engine, 1, 'n'), 'b')
    t.equal(await swap('b', null), 'b')
    t.equal(await claimed(engine, 1, 'n'), null)
  })

  t.test('of many who want one claim, exactly one gets it', async (t) => {
    const engine = await fresh(t, place)
    const found = await Promise.all(
      Array.from({ length: 20 }, (_, i) => engine.swap(0, { name: 'n', from: null, to: String(i) })),
    )
    t.equal(found.filter((value) => value === null).length, 1)
    t.equal(await claimed(engine, 0, 'n'), String(found.indexOf(null)))
  })

  t.test('claims of a change are swapped with it', async (t) => {
    const engine = await fresh(t, place)
    const change = (from: string | null, to: string | null) => ({
      ...publishing(0, event(0)),
      claims: [{ name: 'n', from, to }],
    })
    await engine.commit(change(null, 'a'))
    t.equal(await claimed(engine, 0, 'n'), 'a')
    await t.rejects(engine.commit(change(null, 'b')), {
      name: 'Conflict',
      expectation: { what: 'claim', claim: 'n', found: 'a' },
    })
    await engine.commit(change('a', null))
    t.equal(await claimed(engine, 0, 'n'), null)
  })

  t.test('a claim is forgotten after its time, and can be taken again', async (t) => {
    const engine = await fresh(t, place)
    await engine.swap(0, { name: 'short', from: null, to: 'a', ttlMs: 40 })
    await engine.swap(0, { name: 'renewed', from: null, to: 'a', ttlMs: 40 })
    await engine.swap(0, { name: 'renewed', from: 'a', to: 'b' })
    await engine.swap(0, { name: 'long', from: null, to: 'a', ttlMs: 60_000 })
    await until(async () => (await claimed(engine, 0, 'short')) === null)
    t.equal(await engine.swap(0, { name: 'short', from: null, to: 'b' }), null)
    await engine.commit(publishing(0, event(0)))
    t.equal(await claimed(engine, 0, 'short'), 'b', 'the new one has no time')
    t.equal(await claimed(engine, 0, 'renewed'), 'b', 'a claim set again without a time is kept')
    t.equal(await claimed(engine, 0, 'long'), 'a')
  })

  t.test('an operation is remembered for its time', async (t) => {
    const engine = await fresh(t, place)
    const change = { ...publishing(0, event(0)), operationTtlMs: 40 }
    await engine.commit(change)
    await until(async () => (await claimed(engine, 0, `op:${change.operationId}`)) === null)
    const kept = publishing(0, event(0))
    await engine.commit(kept)
    t.equal(await claimed(engine, 0, `op:${kept.operationId}`), 'done')
  })

  t.test(
    'a claim on an email left behind by a crash can be taken over, once, by its exact value',
    async (t) => {
      const engine = await fresh(t, place)
      const [emails, owner] = [1, 2]
      const name = 'email:ada@example.com'
      const ghost = profile(owner)
      const attempt = writing(owner, 'profiles', null, ghost)
      const left = `${ghost.id} ${attempt.operationId}`
      await engine.swap(emails, { name, from: null, to: left }) // and then its process died

      t.equal(
        await engine.swap(owner, { name: `op:${attempt.operationId}`, from: null, to: 'aborted' }),
        null,
        'that attempt never committed',
      )
      t.equal(await engine.get('profiles', ghost.id), null)
      t.equal(await engine.swap(emails, { name, from: left, to: 'mine' }), left)
      t.equal(await engine.swap(emails, { name, from: left, to: 'other' }), 'mine', 'one taker alone')
      await t.rejects(
        engine.commit(attempt),
        { name: 'Conflict', expectation: { what: 'aborted' } },
        'the dead stay dead',
      )
      t.equal(await engine.swap(emails, { name, from: left, to: null }), 'mine', 'a late release is nothing')
      t.equal(await claimed(engine, emails, name), 'mine')
    },
  )

  t.test('a claim is one of its partition', async (t) => {
    const engine = await fresh(t, place)
    await engine.swap(0, { name: 'n', from: null, to: 'a' })
    t.equal(await claimed(engine, 1, 'n'), null)
    t.equal(await claimed(engine, 3, 'n'), 'a', 'placements 0 and 3 share one')
    const record = profile(0)
    await engine.commit(writing(0, 'profiles', null, record))
    await t.rejects(
      engine.commit({
        ...writing(0, 'profiles', record, next(record)),
        claims: [{ name: 'n', from: 'b', to: 'c' }],
      }),
      { name: 'Conflict', expectation: { found: 'a' } },
    )
  })
}
