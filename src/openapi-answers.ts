import { type ErrorCode, errors } from './errors.js'
import { mark } from './openapi.js'
import { codesOf, type Refusal, refusal } from './schemas/answers.js'
import { headers } from './schemas/headers.js'

/** What a request can meet whatever it asks for: most of these happen before it is known what that is. */
const ANYWHERE: ErrorCode[] = [
  'foreign_origin',
  'method_not_allowed',
  'request_timeout',
  'expectation_failed',
  'misdirected_request',
  'headers_too_large',
]

interface Answer {
  description: string
  headers?: object
}
interface Parameter {
  required?: boolean
  example?: unknown
  schema?: object
}
interface Operation {
  description?: string
  parameters?: Parameter[]
  security?: { bearer?: string[] }[]
  responses: Record<string, Answer>
}
interface Document {
  paths?: Record<string, Record<string, Operation>>
}

/** The document with what every operation answers, and which token it takes, which no route has to say. */
export function complete<T extends object>(document: T): T {
  const { paths = {} } = document as Document
  return { ...document, paths: mapValues(paths, (path) => mapValues(path, whole)) }
}

const whole = (operation: Operation): Operation => ({
  ...operation,
  description: [operation.description, ...scopes(operation)].filter(Boolean).join('\n\n'),
  ...(operation.parameters && { parameters: operation.parameters.map(notFilledIn) }),
  responses: mapValues({ ...operation.responses, default: anywhere }, (answer, status) => ({
    ...answer,
    headers: { ...answer.headers, ...described({ ...limitOf(operation, status), ...headers.everywhere }) },
  })),
})

/** What is limited may be answered 429; before it is known whose a request is there is nothing to tell. */
const limitOf = ({ responses }: Operation, status: string) =>
  errors.rate_limited.status in responses && status !== String(errors.unauthorized.status)
    ? headers.limit
    : {}

/**
 * Swagger UI sends the example of a parameter unless somebody takes it out, and no list has its example's `cursor`. The
 * examples of a schema (JSON Schema 2020-12 §9.5) are for reading alone, so those of what may be left out go there.
 */
function notFilledIn({ example, ...parameter }: Parameter): Parameter {
  if (example === undefined) return parameter
  if (parameter.required) return { ...parameter, example }
  return { ...parameter, schema: { ...parameter.schema, examples: [example] } }
}

const scopes = ({ security = [] }: Operation): string[] =>
  security.flatMap(({ bearer = [] }) => bearer.map((scope) => `Takes a token with the scope \`${scope}\`.`))

const anywhere: Answer = {
  ...mark(refusal(ANYWHERE)),
  description: `What any request can meet, whatever it asks for: ${ANYWHERE.map(
    (code) => `\`${code}\` (${errors[code].status})`,
  ).join(', ')}. The 405 says in \`Allow\` which methods the path has.`,
  headers: described(headers.allow),
}

/** The name of an error answer is what it means: all its codes. What probes answer has none, as it lacks headers. */
export function refusalName(status: string, answer: unknown): string | null {
  const codes = codesOf(answer as Refusal)
  const isLimited = 'RateLimit' in ((answer as Refusal).headers ?? {})
  if (codes.length === 0 || (!isLimited && !codes.includes('unauthorized'))) return null
  return status === 'default' ? 'anywhere' : codes.sort().join('.')
}

/** Headers as @fastify/swagger writes those of the routes. */
function described(headers: Record<string, { description: string }>): object {
  return mapValues(headers, ({ description, ...schema }) => ({ schema, description }))
}

function mapValues<A, B>(
  object: Record<string, A>,
  change: (value: A, name: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value, name)]))
}
