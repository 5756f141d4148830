import type { TSchema } from 'typebox'
import { type ErrorCode, errors } from '../errors.js'
import * as examples from './examples.js'
import { headers } from './headers.js'
import { Problem } from './problem.js'

const json = <T extends TSchema>(description: string, schema: T, headers?: object) => ({
  description,
  ...(headers && { headers }),
  content: { 'application/json': { schema } },
})

/** The answers of operations that end well. */
export const one = <T extends TSchema>(schema: T, description: string) => json(description, schema)
export const record = <T extends TSchema>(schema: T, description: string) =>
  json(description, schema, headers.etag)
export const created = <T extends TSchema>(schema: T, description: string) =>
  json(description, schema, { ...headers.location, ...headers.etag, ...headers.event })
export const published = <T extends TSchema>(schema: T, description: string) =>
  json(description, schema, { ...headers.location, ...headers.event })
export const accepted = <T extends TSchema>(schema: T, description: string) =>
  json(description, schema, headers.location)
export const changed = <T extends TSchema>(schema: T, description: string) =>
  json(description, schema, { ...headers.etag, ...headers.event })
export const page = <T extends TSchema>(schema: T, description: string) =>
  json(description, schema, headers.link)
/** A page, or the whole list as lines. */
export const listed = <T extends TSchema, L extends TSchema>(page: T, lines: L, description: string) => ({
  description,
  headers: { ...headers.link, ...headers.vary },
  content: { 'application/json': { schema: page }, 'application/x-ndjson': { schema: lines } },
})
/** Of what its client can wait for (RFC 7240 §3). */
export const preferred = <T extends { headers?: object }>(answer: T) => ({
  ...answer,
  headers: { ...answer.headers, ...headers.preference },
})
export const deleted = { type: 'null', description: 'It is gone.', headers: headers.event }
export const notModified = {
  type: 'null',
  description: 'The client has this version already.',
  headers: headers.etag,
}

export interface Refusal {
  description: string
  headers?: object
  content: { 'application/problem+json': { schema: typeof Problem; examples: Record<string, object> } }
}

/** An error answer that means one of these. */
export const refusal = (codes: readonly ErrorCode[]): Refusal => ({
  description: codes.map((code) => `\`${code}\`: ${errors[code].title}.`).join(' '),
  ...(codes.some(isForLater) && { headers: headers.retryAfter }),
  content: {
    'application/problem+json': {
      schema: Problem,
      examples: Object.fromEntries(codes.map((code) => [code, { value: examples.problemOf(code) }])),
    },
  },
})

/** What an error answer means: its examples are by code. */
export const codesOf = (answer: Refusal | undefined): ErrorCode[] =>
  Object.keys(answer?.content?.['application/problem+json']?.examples ?? {}) as ErrorCode[]

/** The error answers of an operation, by status; what every operation may meet is added. */
export const refusals = (...codes: ErrorCode[]): Record<number, Refusal> =>
  byStatus([...codes, ...anywhere, 'rate_limited', 'overloaded'])

/** Those of what supervisors ask, which is refused to nobody: they would end a process that is only busy. */
export const refusalsOfProbes = (): Record<number, Refusal> => byStatus(anywhere)

const anywhere: ErrorCode[] = ['invalid_request', 'internal_error', 'unavailable']

function byStatus(all: ErrorCode[]): Record<number, Refusal> {
  const statuses = new Set(all.map((code) => errors[code].status))
  return Object.fromEntries(
    [...statuses].map((status) => [status, refusal(all.filter((code) => errors[code].status === status))]),
  )
}

/** Those that say when to ask again. */
const isForLater = (code: ErrorCode): boolean =>
  code === 'result_pending' || [429, 503].includes(errors[code].status)

/** What an operation whose method may have a body answers beside, also when it wants none. */
export const bodyRefusals = ['body_too_large', 'unsupported_media_type'] as const
