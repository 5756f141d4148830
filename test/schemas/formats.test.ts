import t from 'tap'
import Format from 'typebox/format'
import '../../src/schemas/formats.js'

t.test('an instant is a time that exists, in RFC 3339', async (t) => {
  for (const text of [
    '2026-01-31T12:00:00Z',
    '2026-01-31T12:00:00.123456Z',
    '2024-02-29T00:00:00+02:00',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
  ]) {
    t.ok(Format.Test('date-time', text), text)
  }
  for (const text of [
    '2026-02-30T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-12-31T23:59:60Z',
    '2026-01-01T00:00:00',
    '2026-01-01',
    '2026-01-01 00:00:00Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00.Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '+012026-01-01T00:00:00Z',
    '',
  ]) {
    t.notOk(Format.Test('date-time', text), text)
  }
})

t.test('an email is a dot-atom at a host name', async (t) => {
  for (const text of ['a@b.c', 'Ada.L+x@Example.co.uk', "o'neill@x-y.org"])
    t.ok(Format.Test('email', text), text)
  for (const text of [
    ...[
      '',
      '@',
      'a@',
      '@b.c',
      'a@b',
      'a b@c.d',
      'a@b..c',
      '.a@b.c',
      'a.@b.c',
      'a..b@c.d',
      'a@-b.c',
      'a@b-.c',
    ],
    ...[
      'a@b.c\u0000',
      'ä@b.c',
      'a@b@c.d',
      `${'a'.repeat(65)}@b.c`,
      `a@${'b'.repeat(64)}.c`,
      `a@${'b.'.repeat(130)}c`,
    ],
  ]) {
    t.notOk(Format.Test('email', text), text)
  }
})

t.test('long input costs no more than reading it', async (t) => {
  const start = performance.now()
  for (const text of [
    'a'.repeat(500_000),
    '1'.repeat(500_000),
    `a@${'a-'.repeat(250_000)}`,
    '.'.repeat(500_000),
  ]) {
    t.notOk(Format.Test('email', text))
    t.notOk(Format.Test('date-time', text))
  }
  t.ok(performance.now() - start < 1000)
})
