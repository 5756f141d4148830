import t from 'tap'
import type { Context } from '../../src/domain/context.js'
import { newId, placementOf } from '../../src/domain/ids.js'
import { changedFields, patchMetadata } from '../../src/domain/patch.js'
import {
  claimant,
  createProfile,
  deleteProfile,
  emailPlacement,
  newProfileId,
  parseClaimant,
  replaceProfile,
  updateProfile,
} from '../../src/domain/profiles.js'

const now = new Date('2026-01-02T03:04:05.678Z')
const context: Context = {
  peppers: ['p'.repeat(32)],
  placementKey: 'k'.repeat(32),
  source: '/test',
  now,
  newId: (_, placement) => newId(placement),
}
const input = { name: 'Ada', email: 'Ada@example.com', metadata: { team: 'engines', floor: '2' } }
const id = newProfileId(input, context)
const { record: ada, change: creation } = createProfile(id, input, null, context)

t.test('a profile is made beside its email, and claims it in lower case', async (t) => {
  t.equal(placementOf(id), emailPlacement('ADA@EXAMPLE.COM', context.placementKey))
  t.match(ada, { ...input, version: 1, createdAt: ada.updatedAt })
  t.strictSame(creation?.claims, [{ name: 'email:ada@example.com', from: null, to: claimant(id, id) }])
  t.match(creation?.events, [{ type: 'profile.created', subject: `profiles/${id}`, data: ada }])
})

t.test('a claim tells the profile and the attempt apart', async (t) => {
  const [profileId, operationId] = [newId(), newId()]
  t.strictSame(parseClaimant(claimant(profileId, operationId)), { profileId, operationId })
})

t.test('a patch keeps what it does not name; a replacement does not', async (t) => {
  const updatedAt = now.toISOString()
  const patched = updateProfile(ada, { metadata: { floor: null } }, 'op', context)
  t.strictSame(patched.record, { ...ada, metadata: { team: 'engines' }, version: 2, updatedAt })
  t.match(patched.change?.events, [{ type: 'profile.updated', changed: 'metadata' }])
  const replaced = replaceProfile(ada, { name: 'A.', email: ada.email }, 'op', context)
  t.strictSame(replaced.record, { ...ada, name: 'A.', metadata: {}, version: 2, updatedAt })
  t.match(replaced.change?.events, [{ type: 'profile.updated', changed: 'name,metadata' }])
})

t.test('the event of a deletion holds what was deleted', async (t) => {
  const { change } = deleteProfile(ada, 'op', context)
  t.match(change, {
    writes: [{ before: ada, after: null }],
    events: [{ type: 'profile.deleted', data: ada }],
  })
})

t.test('metadata are patched as RFC 7396 says', async (t) => {
  const before = { a: '1', b: '2' }
  t.strictSame(patchMetadata(before, undefined), before)
  t.strictSame(patchMetadata(before, null), {})
  t.strictSame(patchMetadata(before, {}), before)
  t.strictSame(patchMetadata(before, { a: null, b: '3', c: '4', d: null }), { b: '3', c: '4' })
  t.strictSame(before, { a: '1', b: '2' }, 'and what was is left alone')
  const odd: Record<string, string> = JSON.parse('{"__proto__": "x", "constructor": "y"}')
  t.strictSame(Object.entries(patchMetadata({}, odd)), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
})

t.test('after a patch too there are at most fifty entries', async (t) => {
  const numbered = (from: number, to: number, value: string | null) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`k${from + i}`, value]))
  const full = numbered(0, 50, 'x') as Record<string, string>
  t.throws(() => patchMetadata(full, { more: 'x' }), { code: 'invalid_request' })
  t.equal(Object.keys(patchMetadata(full, { more: 'x', k0: null })).length, 50)
  t.equal(
    Object.keys(patchMetadata(full, { ...numbered(0, 50, null), ...numbered(50, 100, 'y') })).length,
    50,
  )
})

t.test('what changed is told by value', async (t) => {
  const before = { a: { x: '1' }, b: null, c: 'same' }
  t.strictSame(changedFields(before, { a: { x: '1' }, b: null, c: 'same' }, ['a', 'b', 'c']), [])
  t.strictSame(changedFields({ a: '1', b: '2' }, { a: '1', b: '3' }, ['a', 'b']), ['b'])
})
