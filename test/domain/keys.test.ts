import fc from 'fast-check'
import t from 'tap'
import type { Context } from '../../src/domain/context.js'
import { newId, placementOf } from '../../src/domain/ids.js'
import { deleteKey, receiveKey, revokeKey, settleKey, submitKey, updateKey } from '../../src/domain/keys.js'
import { clean, fingerprint, mask, pepperId } from '../../src/domain/secrets.js'
import type { KeyPatch } from '../../src/schemas/key-input.js'

const now = new Date('2026-01-02T03:04:05.678Z')
const context: Context = {
  peppers: ['p'.repeat(32)],
  placementKey: 'k'.repeat(32),
  source: '/test',
  now,
  newId: (_, placement) => newId(placement),
}
const raw = 'sk_test_0123456789abcdef'
const receiveAll = (rest: object = {}) => receiveKey({ key: raw, name: 'n', ...rest }, context)
const receive = (rest: object = {}) => receiveAll(rest).key

t.test('white space and one matching pair of quotes are no part of a key', async (t) => {
  for (const [submitted, expected, warnings] of [
    ['abc', 'abc', []],
    ['  abc\n', 'abc', ['white_space_removed']],
    ['"abc"', 'abc', ['quotes_removed']],
    [" 'abc' ", 'abc', ['white_space_removed', 'quotes_removed']],
    ['""abc""', '"abc"', ['quotes_removed']],
    ['"abc\'', '"abc\'', []],
    ['"', '"', []],
    ['a"b"', 'a"b"', []],
    ['"a\nb"', 'a\nb', ['quotes_removed']],
  ] as const)
    t.strictSame(clean(submitted), { raw: expected, warnings }, JSON.stringify(submitted))
  for (const key of ['   ', '""', "' '"]) t.throws(() => receive({ key }), { code: 'invalid_request' }, key)
})

t.test('a mask shows the last four characters of a key of at least 16', async (t) => {
  t.equal(mask('0123456789abcde'), '****')
  t.equal(mask('0123456789abcdef'), '****cdef')
  t.equal(mask(`${'🔑'.repeat(15)}`), '****', 'characters, not code units')
  t.equal(mask(`${'🔑'.repeat(16)}`), '****🔑🔑🔑🔑')
})

t.test('a fingerprint is that of the key with the pepper', async (t) => {
  const print = fingerprint(raw, context.peppers[0])
  t.match(print, /^[0-9a-f]{64}$/)
  t.equal(receive({ key: ` "${raw}" ` }).fingerprint, print)
  t.not(fingerprint(raw, 'q'.repeat(32)), print)
  t.not(pepperId('q'.repeat(32)), pepperId(context.peppers[0]))
})

t.test('keys that are equal are placed together', async (t) => {
  const [one, other] = [receive(), receive({ key: `'${raw}'` })]
  t.not(one.id, other.id)
  t.equal(placementOf(one.id), placementOf(other.id))
})

t.test('nothing that is kept of a key holds it', async () => {
  const characters = fc.string({ minLength: 5, maxLength: 60, unit: 'grapheme' })
  fc.assert(
    fc.property(characters, (key) => {
      fc.pre(clean(key).raw.length >= 5)
      // The characters themselves could be those of the rest of the record.
      const submitted = `§${key}§`
      const { change } = submitKey(receiveAll({ key: submitted }), null, context)
      return !JSON.stringify(change).includes(JSON.stringify(submitted).slice(1, -1))
    }),
  )
})

t.test('a name or metadata that contain the key are refused, by place and without the key', async (t) => {
  const refused = (rest: object, places: string[]) => {
    try {
      receive(rest)
    } catch (error) {
      t.match(error, { code: 'key_in_metadata', items: places.map((pointer) => ({ pointer })) })
      t.notMatch(JSON.stringify(error), raw)
      return
    }
    t.fail(`was taken: ${Object.keys(rest)}`)
  }
  refused({ name: `my ${raw}` }, ['/name'])
  refused({ metadata: { note: `x${raw}x` } }, ['/metadata'])
  refused({ metadata: { [raw]: 'x' } }, ['/metadata'])
  refused({ name: raw, metadata: { a: raw } }, ['/name', '/metadata'])
  refused({ key: `"${raw}"`, name: raw }, ['/name'])
  t.ok(receive({ name: 'abcdef', metadata: { end: '****cdef' } }), 'a part of it is not the key')
})

t.test('a patch that contains the key is refused, though only the fingerprint is left', async (t) => {
  const key = receive()
  const patches: KeyPatch[] = [
    { name: raw },
    { name: `"${raw}"` },
    { name: `the key is ${raw}, keep it` },
    { metadata: { env: `KEY=${raw}` } },
    { metadata: { [raw]: null } },
  ]
  for (const patch of patches)
    t.throws(() => updateKey(key, patch, 'op', context), { code: 'key_in_metadata' }, JSON.stringify(patch))
  t.ok(updateKey(key, { name: 'another sk_test_0' }, 'op', context))
})

t.test('an update raises the version, says what it changed, and takes only what it is given', async (t) => {
  const key = receive({ metadata: { a: '1', b: '2' }, expiresAt: '2030-01-01T02:00:00+02:00' })
  t.equal(key.expiresAt, '2030-01-01T00:00:00.000Z')
  const { record, change } = updateKey(key, { metadata: { a: null, c: '3' } }, 'op', context)
  t.strictSame(record, {
    ...key,
    metadata: { b: '2', c: '3' },
    version: 2,
    updatedAt: '2026-01-02T03:04:05.678Z',
  })
  t.match(change, { operationId: 'op', events: [{ type: 'key.updated', changed: 'metadata', data: record }] })
  const cleared = updateKey(key, { expiresAt: null, metadata: null }, 'op', context)
  t.match(cleared.record, { expiresAt: null, metadata: {} })
  t.match(cleared.change?.events, [{ changed: 'expiresAt,metadata' }])
})

t.test('the fingerprint is let go by whoever holds it, when it does not need it any more', async (t) => {
  const key = receive()
  const claim = { name: `fingerprint:${key.fingerprint}`, from: key.id, to: null }
  t.match(submitKey({ key, prints: null }, null, context).change?.claims, [
    { ...claim, from: null, to: key.id },
  ])
  const settled = (status: 'rejected' | 'accepted') => ({ status, reasons: [], duplicateOf: null })
  const releases = (k: typeof key) => ({
    deleted: deleteKey(k, 'op', context, null).change?.claims,
    revoked: revokeKey(k, 'op', context, null).change?.claims ?? [],
    rejected: settleKey(k, settled('rejected'), null, now).claims,
  })
  t.strictSame(releases(key), { deleted: [claim], revoked: [claim], rejected: [claim] })
  const none = { deleted: [], revoked: [], rejected: [] }
  t.strictSame(releases({ ...key, duplicateOf: 'another' }), none, 'a duplicate holds none')
  t.strictSame(releases({ ...key, status: 'revoked' }), none)
  t.strictSame(settleKey(key, settled('accepted'), null, now).claims, [])
  t.strictSame(updateKey(key, { name: 'x' }, 'op', context).change?.claims ?? [], [])
})

t.test('revoking says why, once', async (t) => {
  const { record } = revokeKey(receive(), 'op', context, null, 'profile_deleted')
  t.match(record, { status: 'revoked', reasons: ['profile_deleted'], version: 2 })
  t.strictSame(revokeKey(record, 'op', context, null, 'profile_not_found'), { record, change: null })
})
