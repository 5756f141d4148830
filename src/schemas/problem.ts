import { type Static, Type } from 'typebox'
import { type ErrorCode, errors } from '../errors.js'
import * as examples from './examples.js'

const codes = Object.keys(errors) as ErrorCode[]

export const ErrorItem = Type.Object(
  {
    in: Type.Enum(['body', 'query', 'path', 'header'], { type: 'string' }),
    pointer: Type.String({
      description: 'RFC 6901. Of an unknown property, or of an entry that the client named: its parent.',
    }),
    message: Type.String(),
  },
  { additionalProperties: false },
)

/** An error, as RFC 9457 writes it. It never contains what was submitted. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: '`urn:keypost:problem:` and the code.' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String(),
    instance: Type.String({ description: 'A URN of this one occurrence.' }),
    code: Type.Enum(codes, { type: 'string' }),
    errors: Type.Array(ErrorItem, { description: 'What exactly is wrong with the request.' }),
    requestId: Type.String({ description: 'That of `X-Request-Id`, and of the log.' }),
  },
  {
    $id: 'Problem',
    additionalProperties: false,
    description: 'An error, as RFC 9457 writes it.',
    examples: [examples.problemOf('invalid_request')],
  },
)
export type Problem = Static<typeof Problem>
