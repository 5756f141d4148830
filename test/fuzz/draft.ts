import type { Operation } from './document.js'
import type { Json } from './values.js'

/**
 * fine: it is carried out. refused: it is answered with 4xx. any: it is answered as the document says.
 * torn: what it is cannot be read as HTTP, and the connection may be closed without an answer.
 */
export type Expectation = 'fine' | 'refused' | 'any' | 'torn'

/** A request that is being made up; all strings are as they go over the wire. */
export interface Draft {
  /** Null: none of the document. */
  operation: Operation | null
  method: string
  path: string
  query: [name: string, value: string][]
  headers: [name: string, value: string][]
  /** What the body says; undefined: it is no JSON, or there is none. */
  json: Json | undefined
  body: Buffer | null
  expect: Expectation
  /** Statuses that are as good as the expected one. */
  besides: number[]
  /** How it came about. */
  what: string[]
  /** The bytes to send in place of all this. */
  bytes?: Buffer
  hangUp?: boolean
}

export function setHeader(draft: Draft, name: string, value: string | null): void {
  draft.headers = draft.headers.filter(([each]) => each.toLowerCase() !== name.toLowerCase())
  if (value !== null) draft.headers.push([name, value])
}

export const headerOf = (draft: Draft, name: string): string | undefined =>
  draft.headers.find(([each]) => each.toLowerCase() === name)?.[1]

export function setJson(draft: Draft, json: Json): void {
  draft.json = json
  draft.body = Buffer.from(JSON.stringify(json))
}

/** As bytes; `length`: the Content-Length that it claims, if not its own. */
export function bytesOf(draft: Draft): Buffer {
  if (draft.bytes) return draft.bytes
  const query = draft.query.map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('&')
  const framed = draft.headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
  const lines = [
    `${draft.method} ${draft.path}${query === '' ? '' : `?${query}`} HTTP/1.1`,
    ...draft.headers.map(([name, value]) => `${name}: ${value}`),
    ...(draft.body === null || framed ? [] : [`Content-Length: ${draft.body.length}`]),
  ]
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  return draft.body === null ? head : Buffer.concat([head, draft.body])
}
