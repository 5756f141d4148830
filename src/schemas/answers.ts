import type { TSchema } from 'typebox'
import { type ErrorCode, errors } from '../errors.js'
import { Problem } from './problem.js'

/** Headers of an answer, as OpenAPI describes them. */
const header = (description: string) => ({ type: 'string', description })
const headers = {
  etag: { ETag: header('The version of the record, quoted.') },
  location: { Location: header('Where the record is.') },
  event: { 'Keypost-Event-Id': header('The event of this change; its result is at `/results/{id}`.') },
  link: { Link: header('`rel="next"`: the next page, if there is one.') },
}

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
  json(description, schema, { Location: header('Where the event is.'), ...headers.event })
/** It will be done; `where` says what `Location` names. */
export const accepted = <T extends TSchema>(schema: T, description: string, where: string) =>
  json(description, schema, { Location: header(where) })
export const changed = <T extends TSchema>(schema: T, description: string) =>
  json(description, schema, { ...headers.etag, ...headers.event })
export const page = <T extends TSchema>(schema: T, description: string) =>
  json(description, schema, headers.link)
export const deleted = { type: 'null', description: 'It is gone.', headers: headers.event }
export const notModified = {
  type: 'null',
  description: 'The client has this version already.',
  headers: headers.etag,
}

interface Refusal {
  description: string
  content: { 'application/problem+json': { schema: typeof Problem } }
}

/** The error answers of an operation, by status; what every operation may meet is added. */
export function refusals(...codes: ErrorCode[]): Record<number, Refusal> {
  const answers: Record<number, Refusal> = {}
  for (const code of [...codes, 'invalid_request', 'internal_error', 'unavailable'] as const) {
    const { status, title } = errors[code]
    const before = answers[status] === undefined ? '' : `${answers[status].description} `
    answers[status] = {
      description: `${before}\`${code}\`: ${title}.`,
      content: { 'application/problem+json': { schema: Problem } },
    }
  }
  return answers
}

/** What an operation whose method may have a body answers beside, also when it wants none. */
export const bodyRefusals = ['body_too_large', 'unsupported_media_type'] as const
