import { damaged, deep } from './damage.js'
import type { Document, Operation, Schema } from './document.js'
import { type Draft, type Expectation, headerOf, setHeader, setJson } from './draft.js'
import { type Json, MARK, type Values } from './values.js'

export interface Workshop {
  values: Values
  document: Document
  /** One for each scope; null: none are configured. */
  tokens: Tokens | null
}

/** By what they allow; `all` allows everything. */
export type Tokens = Record<'all' | 'read' | 'write' | 'admin', string>

/** Changes a valid request and says what has to come of it. */
export type Twist = (draft: Draft, workshop: Workshop) => Expectation

/** Of requests that have a JSON body. */
export const bodyTwists: Record<string, Twist> = {
  'damaged body': (draft, { values, document }) => {
    setJson(draft, damaged(draft.json ?? {}, values))
    return verdict(draft, document)
  },
  'body damaged twice': (draft, { values, document }) => {
    setJson(draft, damaged(damaged(draft.json ?? {}, values), values))
    return verdict(draft, document)
  },
  'no body': (draft) => {
    draft.body = null
    return 'refused'
  },
  'empty body': (draft) => raw(draft, ''),
  'half a body': (draft) => raw(draft, (draft.body ?? '').toString().slice(0, -1)),
  'two bodies': (draft) => raw(draft, `${draft.body}${draft.body}`),
  'no JSON': (draft, { values }) =>
    raw(draft, values.random.pick([`${MARK}abcd`, "{'a':1}", 'NaN', '\u0000', '<a/>', '[1,]', '{"a":01}'])),
  'not UTF-8': (draft) => {
    draft.body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff, 0xc0, 0x80]), Buffer.from('"}')])
    return 'refused'
  },
  'a BOM': (draft) => {
    raw(draft, `\ufeff${draft.body}`)
    return 'any'
  },
  'a body within __proto__': (draft, { values }) => {
    const poison = values.random.pick(['"__proto__":{"a":1}', '"constructor":{"prototype":{"a":1}}'])
    return raw(draft, `{${poison},${(draft.body ?? '{}').toString().slice(1)}`)
  },
  'a name that is there twice': (draft) => {
    raw(draft, `{"name":1,${(draft.body ?? '{}').toString().slice(1)}`)
    return 'any'
  },
  'very deep': (draft, { values }) => {
    const levels = values.random.pick([500, 20_000])
    return raw(draft, `${'['.repeat(levels)}${']'.repeat(levels)}`)
  },
  'deep data': (draft, { document }) => {
    setJson(draft, { ...(draft.json as object), data: deep(70), metadata: deep(70) })
    return verdict(draft, document)
  },
  'very large': (draft) => raw(draft, JSON.stringify({ name: `${MARK}large`.repeat(80_000) })),
  'large and valid': (draft) => raw(draft, `${' '.repeat(700_000)}${draft.body}`),
  'hung up in mid-body': (draft) => {
    setHeader(draft, 'Content-Length', String((draft.body?.length ?? 0) + 10))
    draft.hangUp = true
    return 'refused'
  },
  'no Content-Type': (draft) => {
    setHeader(draft, 'Content-Type', null)
    return 'refused'
  },
  'another Content-Type': (draft, { values }) => {
    const types = ['text/plain', 'application/xml', 'application/jsonx', 'multipart/form-data', '*/*', '']
    const more = [
      `${MARK}abcd`,
      `application/${MARK}+json`,
      'application/x-www-form-urlencoded',
      ';;',
      'json',
    ]
    setHeader(draft, 'Content-Type', values.random.pick([...types, ...more]))
    return 'refused'
  },
  'a strange Content-Type': (draft, { values }) => {
    const tails = [
      '; charset=latin1',
      ';',
      '; charset=utf-16',
      '; a="b;c"',
      ';charset',
      ` ;${'a=b;'.repeat(500)}`,
    ]
    setHeader(draft, 'Content-Type', (headerOf(draft, 'content-type') ?? '') + values.random.pick(tails))
    return 'any'
  },
  'a Content-Encoding': (draft, { values }) => {
    setHeader(draft, 'Content-Encoding', values.random.pick(['gzip', 'br', 'identity', `${MARK}abcd`]))
    return 'any'
  },
  chunked: (draft) => {
    const body = draft.body ?? Buffer.alloc(0)
    setHeader(draft, 'Transfer-Encoding', 'chunked')
    draft.body = Buffer.from(
      `${body.length.toString(16)}\r\n${body.toString('latin1')}\r\n0\r\n\r\n`,
      'latin1',
    )
    return draft.expect
  },
}

/** Of requests that want none. */
export const noBodyTwists: Record<string, Twist> = {
  'a body that is not wanted': (draft, { values }) => {
    const { operation } = draft
    setHeader(draft, 'Content-Type', 'application/json')
    raw(draft, values.random.pick([`{"${MARK}abcd":1}`, '[]', '"a"', '{', `${MARK}abcd`]))
    return operation?.method === 'GET' ? 'any' : 'refused'
  },
  'an empty object as the body': (draft) => {
    setHeader(draft, 'Content-Type', 'application/json')
    raw(draft, '{}')
    return 'any'
  },
}

function raw(draft: Draft, text: string): Expectation {
  draft.json = undefined
  draft.body = Buffer.from(text)
  return 'refused'
}

/** Refused is what the document forbids. What it allows may still be refused: it cannot say everything. */
function verdict(draft: Draft, document: Document): Expectation {
  const { operation, json } = draft
  return operation !== null && json !== undefined && fits(operation, draft, json, document)
    ? 'any'
    : 'refused'
}

function fits(operation: Operation, draft: Draft, json: Json, document: Document): boolean {
  const type = headerOf(draft, 'content-type')?.split(';')[0]?.toLowerCase() ?? ''
  const media = operation.bodies[type]
  if (media === undefined) return false
  const schema: Schema = document.resolve(media.schema)
  // An event is one of the first two unless its headers say that it is in binary mode.
  const shapes = schema.anyOf?.slice(0, 2) ?? [schema]
  const binary = draft.headers.some(([name]) => name.startsWith('ce-'))
  return binary || shapes.some((shape) => document.complaint(shape, json) === null)
}
