import { METHODS } from 'node:http'
import { bodyTwists, noBodyTwists, type Twist, type Workshop } from './body-twists.js'
import { PROTOTYPE } from './damage.js'
import { bytesOf, type Draft, type Expectation, headerOf, setHeader } from './draft.js'
import { MARK } from './values.js'

const SECRET = `${MARK}0123456789`

/** Of every request. */
const general: Record<string, Twist> = {
  'a header that makes no sense': (draft, { values }) => {
    const names = ['If-Match', 'If-None-Match', 'Idempotency-Key', 'Prefer', 'Accept']
    const others = ['traceparent', 'Range', 'Last-Event-ID', 'Cookie', 'Origin', 'X-Forwarded-For']
    const ce = draft.operation?.id === 'publishEvent' ? ['ce-type', 'ce-id', 'ce-data', `ce-${MARK}abcd`] : []
    const values_ = [
      SECRET,
      '',
      '"',
      '"a',
      'W/',
      '*, "1"',
      '"\\"',
      '%zz',
      'a=b;c=d,,',
      '\xff\xfe',
      `"${SECRET}`,
    ]
    const more = [
      'wait=-1',
      'wait=1e9',
      'wait=1, wait=2',
      '"1" "2"',
      '*/*;q=x',
      'application/xml',
      'a'.repeat(4000),
    ]
    setHeader(
      draft,
      values.random.pick([...names, ...names, ...others, ...ce]),
      values.random.pick([...values_, ...more]),
    )
    return 'any'
  },
  'a strange X-Request-Id': (draft, { values }) => {
    setHeader(
      draft,
      'X-Request-Id',
      values.random.pick(['', 'a b', 'a'.repeat(129), '<script>', 'a-1.b_2', '\xe9']),
    )
    return draft.expect
  },
  'a header twice': (draft, { values }) => {
    const name = values.random.pick([
      'If-Match',
      'Idempotency-Key',
      'Prefer',
      'Accept',
      'Content-Type',
      'Authorization',
    ])
    draft.headers.push([name, `"${SECRET}"`], [name, `"${SECRET}2"`])
    return 'any'
  },
  'an Idempotency-Key that is not valid': (draft, { values }) => {
    setHeader(
      draft,
      'Idempotency-Key',
      values.random.pick(['a b', '"a', 'ä', `${SECRET} x`, 'a'.repeat(256)]),
    )
    return draft.method === 'POST' ? 'refused' : 'any'
  },
  'an If-Match of another version': (draft, { values }) => {
    setHeader(draft, 'If-Match', values.random.pick(['"0"', '"999999"', 'W/"1"', `"${SECRET}"`, '1', '"']))
    return takes(draft, 'if-match') ? 'refused' : 'any'
  },
  'huge headers': (draft, { values }) => {
    if (values.random.chance(0.5)) setHeader(draft, 'X-Huge', SECRET.repeat(3000))
    else for (let i = 0; i < 1500; i++) draft.headers.push([`X-${i}`, SECRET])
    return 'torn'
  },
  'a parameter that is not known': (draft, { values }) => {
    const name = values.random.pick([
      `${MARK}abcd`,
      ...PROTOTYPE,
      'limit[]',
      'a[b]',
      'Limit',
      '%00',
      '%F0%9F%98%80',
    ])
    draft.query.push([name, values.random.pick(['1', SECRET, ''])])
    return 'refused'
  },
  'a parameter twice': (draft) => {
    const [name = 'limit', value = '5'] = draft.query[0] ?? []
    draft.query.push([name, value], [name, value])
    return 'refused'
  },
  'a parameter that is not valid': (draft, { values }) => {
    const [wrong, name] = values.random.pick([
      ['0', 'limit'],
      ['201', 'limit'],
      ['1e2', 'limit'],
      ['5.0', 'limit'],
      ['%205', 'limit'],
      ['0x5', 'limit'],
      ['-1', 'limit'],
      [SECRET, 'limit'],
      [SECRET, 'order'],
      [SECRET, 'status'],
      [SECRET, 'since'],
      ['2025-02-30T00:00:00Z', 'since'],
      [`${SECRET.toUpperCase()}`, 'topic'],
      ['%00', 'type'],
      ['%ED%A0%80%00', 'subject'],
      ['100%', 'subject'],
      [SECRET, 'fingerprint'],
      [SECRET, 'profileId'],
      [SECRET, 'email'],
      [SECRET, 'cursor'],
      ['a'.repeat(2049), 'cursor'],
    ] as const)
    draft.query = [[name, wrong]]
    return 'refused'
  },
  'bad percent-encoding in the query': (draft, { values }) => {
    draft.query.push([
      values.random.pick(['%zz', '%', 'type', 'cursor']),
      values.random.pick(['%', '%zz', '%c3%28']),
    ])
    return 'refused'
  },
  'a very long query': (draft) => {
    draft.query.push([SECRET, SECRET.repeat(500)])
    return 'refused'
  },
  'a damaged id': (draft, { values }) => {
    const [, kind, id = '', ...rest] = draft.path.split('/')
    const bad = [
      '%zz',
      '%',
      '%00',
      SECRET,
      id.toUpperCase(),
      `${id}x`,
      id.slice(1),
      '..',
      '%2e%2e%2f',
      '',
      '😀',
    ]
    const other = values.random.pick([...bad, '__proto__', 'a'.repeat(5000)])
    draft.path = ['', kind, other, ...rest].join('/')
    if (other === '' || id === '' || !draft.operation?.path.includes(`/${kind}/{`)) draft.operation = null
    return 'any'
  },
  'another path': (draft, { values }) => {
    const { random } = values
    const paths = [
      `/${SECRET}`,
      `${draft.path}/`,
      `/${draft.path}`,
      `${draft.path}/${SECRET}`,
      '/',
      '//',
      '/docs/nothing',
    ]
    draft.path = random.pick([
      ...paths,
      draft.path.toUpperCase(),
      `/.${draft.path}`,
      '/%zz',
      '/%00',
      `/${'a'.repeat(8000)}`,
    ])
    draft.operation = null
    return 'any'
  },
  'another method': (draft, { values, document }) => {
    // CONNECT is no request of a resource: there is nothing to answer.
    const method = values.random.pick(METHODS.filter((each) => each !== 'CONNECT'))
    const path = draft.operation?.path
    draft.method = method
    draft.operation = document.operations.find((each) => each.path === path && each.method === method) ?? null
    return draft.operation !== null || method === 'OPTIONS' || method === 'HEAD' ? 'any' : 'refused'
  },
  'no HTTP': (draft, { values }) => {
    const good = bytesOf(draft).toString('latin1')
    draft.bytes = Buffer.from(values.random.pick(TORN)(good), 'latin1')
    return 'torn'
  },
}

/** What a request can look like that is none. */
const TORN: ((good: string) => string)[] = [
  (good) => good.replace('HTTP/1.1', 'HTTP/9.9'),
  (good) => good.replace('HTTP/1.1', SECRET),
  (good) => good.replace(/^\S+/, SECRET),
  (good) => good.replace(/^\S+/, 'CONNECT'),
  (good) => good.replace(/^(\S+) \S+/, '$1 /\u0000'),
  (good) => good.replace('\r\n', `\r\nX-${SECRET}\r\n`),
  (good) => good.replace('\r\n', `\r\nX-A: \u0000${SECRET}\r\n`),
  (good) => good.replace('\r\n', '\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n'),
  (good) => good.replace('\r\n', '\r\nContent-Length: 1\r\nContent-Length: 2\r\n'),
  (good) => good.replace('\r\n', '\r\nContent-Length: -1\r\n'),
  (good) => good.replace('\r\n', '\r\nTransfer-Encoding: gzip\r\n'),
  (good) => good.replace('\r\n', '\r\nHost: a\r\nHost: b\r\n'),
  (good) => good.replace(/Host: .*\r\n/, ''),
  (good) => good.replace('\r\n', `\r\nExpect: ${SECRET}\r\n`),
  (good) => good.replace('\r\n', `\r\nUpgrade: ${SECRET}\r\nConnection: Upgrade\r\n`),
  () => `\r\n\r\n${SECRET}\r\n\r\n`,
  () => `\u0016\u0003\u0001\u0002\u0000\u0001${SECRET}\r\n\r\n`,
  () => 'GET /livez HTTP/1.0\r\n\r\n',
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
]

const takes = ({ operation }: Draft, header: string): boolean =>
  (operation?.parameters ?? []).some(({ name }) => name === header)

/** Where tokens are configured. */
const tokenTwists: Record<string, Twist> = {
  'no token': (draft) => {
    setHeader(draft, 'Authorization', null)
    return secured(draft)
  },
  'a bad token': (draft, { values }) => {
    const good = headerOf(draft, 'authorization') ?? ''
    const bad = [
      `${good}x`,
      good.slice(0, -1),
      `Basic ${SECRET}`,
      `Bearer ${SECRET}`,
      'Bearer',
      good.slice(7),
      '',
    ]
    setHeader(draft, 'Authorization', values.random.pick(bad))
    return secured(draft)
  },
  'a token that allows something else': (draft, { values, tokens }) => {
    const others = Object.entries(tokens ?? {}).filter(
      ([scope]) => scope !== 'all' && scope !== draft.operation?.scope,
    )
    const [, token] = values.random.pick(others)
    setHeader(draft, 'Authorization', `Bearer ${token}`)
    return secured(draft)
  },
}

const secured = ({ operation }: Draft): Expectation => (operation?.scope ? 'refused' : 'any')

/** Those that fit a request; those about its body more than once, as most is to be got wrong there. */
export function twistsOf(draft: Draft, { tokens }: Workshop): [name: string, twist: Twist][] {
  const own = Object.entries(draft.body === null ? noBodyTwists : bodyTwists)
  return [...Object.entries(general), ...own, ...own, ...Object.entries(tokens === null ? {} : tokenTwists)]
}
