import { type ErrorCode, errors } from '../../src/errors.js'
import type { Document, Operation, Response } from './document.js'
import { type Draft, headerOf } from './draft.js'
import { KEY_MARK, MARK } from './values.js'
import type { Answer } from './wire.js'

/** What may be met at a path or by a method that the document does not have. */
const NOWHERE: ErrorCode[] = [
  'invalid_request',
  'unauthorized',
  'insufficient_scope',
  'foreign_origin',
  'not_found',
  'method_not_allowed',
  'body_too_large',
  'unsupported_media_type',
  'request_timeout',
  'expectation_failed',
  'misdirected_request',
  'headers_too_large',
]

/** Headers that a documented answer need not have: each is about something that may not be so. */
const OPTIONAL = [
  'link',
  'idempotent-replayed',
  'preference-applied',
  'allow',
  'retry-after',
  'ratelimit',
  'ratelimit-policy',
]

/** What is wrong with an answer to a request, in words; nothing: it is as the document says. */
export function judge(document: Document, draft: Draft, answer: Answer | null): string[] {
  if (answer === null) return draft.expect === 'torn' || draft.hangUp ? [] : ['was not answered']
  const { status } = answer
  return [
    ...(status >= 500 ? [`a ${status}`] : []),
    ...always(draft, answer),
    ...echoes(answer),
    ...expected(draft, status),
    ...(draft.operation !== null && draft.expect !== 'torn'
      ? described(document, draft.operation, answer)
      : undescribed(draft, answer)),
  ]
}

function always({ path, method, expect }: Draft, answer: Answer): string[] {
  const { headers, status, body, stray } = answer
  const wrong: string[] = []
  // Whether it was a HEAD is not known then, and nothing can come after it.
  if (stray > 0 && expect !== 'torn') wrong.push(`${stray} bytes after the answer`)
  if (headers.get('x-request-id')?.length !== 1) wrong.push('no X-Request-Id')
  if (headers.get('cache-control')?.join() !== 'no-store' && !path.startsWith('/docs'))
    wrong.push('can be cached')
  if (method === 'HEAD' && body.length > 0) wrong.push('HEAD with a body')
  if (status === 405 && !headers.has('allow')) wrong.push('405 without Allow')
  if (status === 401 && !headers.has('www-authenticate')) wrong.push('401 without WWW-Authenticate')
  if (
    (status === 429 || status === 503 || codeOf(answer) === 'result_pending') &&
    !headers.has('retry-after')
  )
    wrong.push(`${status} without Retry-After`)
  if (status === 415 && method === 'PATCH' && !headers.has('accept-patch'))
    wrong.push('415 without Accept-Patch')
  return wrong
}

function echoes({ status, head, body }: Answer): string[] {
  const text = `${head}\r\n\r\n${body.toString()}`
  const wrong: string[] = []
  if (text.includes(KEY_MARK)) wrong.push('holds a raw key')
  if (status >= 400 && text.toLowerCase().includes(MARK)) wrong.push('an error that holds what was sent')
  return wrong
}

function expected({ expect, besides, what }: Draft, status: number): string[] {
  if (besides.includes(status)) return []
  if (expect === 'fine' && (status < 200 || status > 299))
    return [`a valid request was answered with ${status}`]
  if (expect === 'refused' && (status < 400 || status > 499))
    return [`${what.join(', ') || 'this'} was answered with ${status}`]
  return []
}

/** What the document says of the answers of an operation. */
function described(document: Document, operation: Operation, answer: Answer): string[] {
  const { status, body } = answer
  const response = operation.responses[status]
  if (response === undefined || (status >= 400 && !mentions(response, answer))) {
    const general = operation.responses.default
    if (general !== undefined && status >= 400 && mentions(general, answer))
      return content(document, general, answer)
    return [`${status} ${codeOf(answer) ?? ''} is not documented for ${operation.id}`]
  }
  const wanted = Object.keys(response.headers ?? {}).map((name) => name.toLowerCase())
  // Nothing changed: there is no event.
  const optional = status === 200 || status === 204 ? [...OPTIONAL, 'keypost-event-id'] : OPTIONAL
  const missing = wanted.filter((name) => !optional.includes(name) && !answer.headers.has(name))
  return [
    ...(missing.length > 0 ? [`${status} without ${missing.join(', ')}`] : []),
    ...(response.content === undefined && body.length > 0 ? [`${status} with a body`] : []),
    ...(response.content === undefined ? [] : content(document, response, answer)),
  ]
}

/** An error answer names the codes that it can have. Health is told in documents of its own. */
function mentions(response: Response, answer: Answer): boolean {
  const code = codeOf(answer)
  return code === undefined ? answer.status === 503 : response.description.includes(`\`${code}\``)
}

function content(document: Document, response: Response, answer: Answer): string[] {
  const type = answer.headers.get('content-type')?.join() ?? ''
  const media = response.content?.[type.split(';')[0]?.trim() ?? '']
  if (media === undefined) return [`${answer.status} as ${type}`]
  const isJson = /[/+]json(;|$)/.test(type)
  const value: unknown = isJson ? jsonIn(answer) : answer.body.toString()
  if (value === undefined) return ['not JSON']
  const complaint = document.complaint(media.schema, value)
  return complaint === null ? [] : [`${answer.status} does not fit its schema: ${complaint}`]
}

/** At no path, or by a method, of the document; or no HTTP at all. */
function undescribed(draft: Draft, answer: Answer): string[] {
  const { status } = answer
  if (status < 400) {
    // What was written differently, or is a page of Swagger UI.
    const fine = draft.expect === 'torn' || draft.method !== 'TRACE'
    return fine && (status !== 204 || draft.method === 'OPTIONS' || draft.method === 'DELETE')
      ? []
      : [`a ${status}`]
  }
  if (draft.method === 'HEAD') return []
  const code = codeOf(answer)
  const all = draft.expect === 'torn' ? (Object.keys(errors) as ErrorCode[]) : NOWHERE
  const known = all.find((each) => each === code)
  if (known === undefined) return [`${status} with the code ${code}, which was not to be met here`]
  if (!answer.headers.get('content-type')?.join().startsWith('application/problem+json'))
    return ['not a problem document']
  return errors[known].status === status ? [] : [`${code} as ${status}`]
}

function codeOf(answer: Answer): string | undefined {
  return (jsonIn(answer) as { code?: string } | undefined)?.code
}

function jsonIn({ body }: Answer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

/** Told by every path while the event loop lags; a HEAD does not say of a 503 which one it is. */
export const isOverloaded = (answer: Answer | null): boolean =>
  answer?.status === 503 && (answer.body.length === 0 || codeOf(answer) === 'overloaded')

/** The id that the events of a request would name. */
export const requestIdOf = (draft: Draft, answer: Answer | null): string | undefined =>
  answer?.headers.get('x-request-id')?.[0] ?? headerOf(draft, 'x-request-id')
