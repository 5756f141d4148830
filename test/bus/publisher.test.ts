import t from 'tap'
import type { Engine } from '../../src/engines/engine.js'
import { standardHandlers } from '../../src/handlers/index.js'
import { all } from '../engines/contract/fixtures.js'
import { onEachEngine, publisherOn, resultOf, subscribe } from './fixtures.js'

const submission = { key: 'sk_test_0123456789abcdef', name: 'n' }
const partitions = { partitions: 3 }

const outcomeOf = async (engine: Engine, { eventId }: { eventId: string | null }) =>
  (await resultOf(engine, eventId ?? '')).outcome

onEachEngine(
  t,
  'the first key that was committed is the original of the later ones',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    const submitted = await Promise.all(Array.from({ length: 5 }, () => publisher.submitKey(submission)))
    const [original, ...none] = submitted.filter(({ record }) => record.duplicateOf === null)
    if (original === undefined) throw new Error('no original')
    t.strictSame(none, [])
    subscribe(t, engine, standardHandlers)
    for (const one of submitted) {
      const { id } = one.record
      const duplicate = { code: 'duplicate', duplicateOf: original.record.id }
      t.strictSame(await outcomeOf(engine, one), one === original ? { code: 'accepted' } : duplicate)
      t.match(await engine.get('keys', id), {
        status: one === original ? 'accepted' : 'duplicate',
        version: 2,
      })
    }
  },
  partitions,
)

onEachEngine(
  t,
  'it stays the original, also if it is deleted before it is handled',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    const original = await publisher.submitKey(submission)
    const duplicate = await publisher.submitKey(submission)
    await publisher.deleteKey(original.record.id, null)
    const successor = await publisher.submitKey(submission)
    subscribe(t, engine, standardHandlers)
    t.strictSame(await outcomeOf(engine, original), { code: 'gone' })
    t.strictSame(await outcomeOf(engine, duplicate), {
      code: 'duplicate',
      duplicateOf: original.record.id,
    })
    t.strictSame(await outcomeOf(engine, successor), { code: 'accepted' }, 'its fingerprint is free')
  },
  partitions,
)

onEachEngine(
  t,
  'a key that is deleted, revoked or rejected frees its fingerprint; duplicates are not promoted',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    subscribe(t, engine, standardHandlers)
    const endings = {
      deleted: (id: string) => publisher.deleteKey(id, null),
      revoked: (id: string) => publisher.revokeKey(id, null),
    }
    for (const [ending, end] of Object.entries(endings)) {
      const key = { ...submission, key: `sk_test_${ending}_0123456789` }
      const original = await publisher.submitKey(key)
      const duplicate = await publisher.submitKey(key)
      await outcomeOf(engine, original)
      await outcomeOf(engine, duplicate)
      await end(original.record.id)
      const next = await publisher.submitKey(key)
      t.strictSame(await outcomeOf(engine, next), { code: 'accepted' }, ending)
      t.match(await engine.get('keys', duplicate.record.id), { status: 'duplicate', version: 2 })
      await publisher.revokeKey(duplicate.record.id, null)
      const last = await publisher.submitKey(key)
      t.equal(last.record.duplicateOf, next.record.id, 'a duplicate frees nothing')
    }
    const past = { ...submission, expiresAt: '2020-01-01T00:00:00Z' }
    t.strictSame(await outcomeOf(engine, await publisher.submitKey(past)), {
      code: 'rejected',
      reasons: ['expired'],
    })
    t.strictSame(await outcomeOf(engine, await publisher.submitKey(submission)), { code: 'accepted' })
  },
  partitions,
)

onEachEngine(
  t,
  'changes that race are all made, one after the other',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    const { record } = await publisher.submitKey(submission)
    const names = Array.from({ length: 8 }, (_, n) => `n${n}`)
    const changes = names.map((name) => publisher.updateKey(record.id, { metadata: { [name]: 'x' } }, null))
    const versions = (await Promise.all(changes)).map(({ record }) => record.version)
    t.strictSame(
      versions.sort((a, b) => a - b),
      [2, 3, 4, 5, 6, 7, 8, 9],
    )
    t.strictSame(Object.keys((await engine.get('keys', record.id))?.metadata ?? {}).sort(), names)
  },
  partitions,
)

onEachEngine(t, 'a change for other versions than the current is refused', async (t, engine) => {
  const publisher = publisherOn(engine)
  const { record } = await publisher.submitKey(submission)
  const stale = { code: 'version_mismatch' }
  await t.rejects(publisher.updateKey(record.id, { name: 'x' }, [2]), stale)
  await t.rejects(publisher.revokeKey(record.id, []), stale)
  await t.rejects(publisher.deleteKey(record.id, [7, 8]), stale)
  t.strictSame(await engine.get('keys', record.id), record)
  t.match(await publisher.updateKey(record.id, { name: 'x' }, [3, 1]), { record: { version: 2 } })
  t.match(await publisher.revokeKey(record.id, '*'), { record: { status: 'revoked', version: 3 } })
  t.match(await publisher.revokeKey(record.id, '*'), { record: { version: 3 }, eventId: null })
  await publisher.deleteKey(record.id, [3])
  await t.rejects(publisher.deleteKey(record.id, null), { code: 'not_found' })
  const types = (await all(engine, 'events', { order: 'asc' })).map(({ type }) => type)
  t.strictSame(types, ['key.submitted', 'key.updated', 'key.revoked', 'key.deleted'])
})

onEachEngine(t, 'the raw key is nowhere in what is kept', async (t, engine) => {
  const publisher = publisherOn(engine)
  subscribe(t, engine, standardHandlers)
  const submitted = await publisher.submitKey(submission)
  await outcomeOf(engine, submitted)
  await publisher.updateKey(submitted.record.id, { name: 'x' }, null)
  const kept = [
    await all(engine, 'keys', {}),
    await all(engine, 'events', {}),
    await all(engine, 'results', {}),
  ]
  t.notMatch(JSON.stringify(kept), submission.key)
  t.match(submitted.record, { masked: '****cdef', fingerprint: /^[0-9a-f]{64}$/ })
})
