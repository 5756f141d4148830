import type { Test } from 'tap'
import type { Change } from '../../../src/engines/engine.js'
import { event, everything, fresh, key, next, type Place, profile, publishing, writing } from './fixtures.js'

export function operations(t: Test, place: Place): void {
  t.test('a resent operation answers what the first did, and nothing is doubled', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0)
    const renamed = next(record, { name: 'Grace' })
    const later = next(renamed, { name: 'Edsger' })
    const changes: Record<string, Change> = {
      'a create': writing(0, 'profiles', null, record),
      'an update': writing(0, 'profiles', record, renamed),
      'another update': writing(0, 'profiles', renamed, later),
      'a delete': writing(0, 'profiles', later, null),
      'events alone': publishing(0, event(0), event(0)),
      'claims alone': {
        operationId: profile(0).id,
        placement: 0,
        claims: [{ name: 'n', from: null, to: 'v' }],
      },
    }
    const sent = new Map<string, { change: Change; time: string | null }>()
    for (const [name, change] of Object.entries(changes)) {
      const { replayed, time } = await engine.commit(change)
      t.equal(replayed, false, `${name} is new`)
      sent.set(name, { change, time })
      const before = await everything(engine)
      for (const [name, { change, time }] of sent)
        t.strictSame(await engine.commit(change), { replayed: true, time }, `${name}, resent`)
      t.strictSame(await everything(engine), before)
    }
  })

  t.test('an operation that is sent several times at once is carried out once', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0)
    for (const change of [
      writing(0, 'profiles', null, record),
      writing(0, 'profiles', record, next(record)),
      publishing(0, event(0)),
    ]) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => engine.commit(change)))
      t.equal(answers.filter(({ replayed }) => !replayed).length, 1)
      t.equal(new Set(answers.map(({ time }) => time)).size, 1, 'they all hear the same time')
    }
    t.match((await engine.stats()).topics.things, { published: 3 })
  })

  t.test('an aborted operation can never be committed', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0)
    const existing = key(0)
    await engine.commit(writing(0, 'keys', null, existing))
    for (const change of [
      writing(0, 'profiles', null, record),
      writing(0, 'keys', existing, next(existing)),
      publishing(0, event(0)),
    ]) {
      const name = `op:${change.operationId}`
      t.equal(await engine.swap(0, { name, from: null, to: 'aborted' }), null)
      const before = await everything(engine)
      await t.rejects(engine.commit(change), { name: 'Conflict', expectation: { what: 'aborted' } })
      t.strictSame(await everything(engine), before)
    }
  })

  t.test('an update that was committed can no longer be aborted', async (t) => {
    const engine = await fresh(t, place)
    const change = publishing(0, event(0))
    await engine.commit(change)
    const name = `op:${change.operationId}`
    t.equal(await engine.swap(0, { name, from: null, to: 'aborted' }), 'done')
    t.match(await engine.commit(change), { replayed: true })
  })

  t.test('the id of a deleted record stays taken', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0)
    const create = writing(0, 'profiles', null, record)
    await engine.commit(create)
    await engine.commit(writing(0, 'profiles', record, null))
    t.match(await engine.commit({ ...create, operationId: key(0).id }), { replayed: true })
    t.equal(await engine.get('profiles', record.id), null)
  })
}
