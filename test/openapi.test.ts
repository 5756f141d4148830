import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import t from 'tap'
import { parse } from 'yaml'
import { difference, generate } from '../src/commands/openapi.js'
import { errors } from '../src/errors.js'

interface Media {
  schema: { $ref?: string }
  example?: unknown
  examples?: Record<string, { value: unknown }>
}
interface Operation {
  operationId: string
  summary: string
  tags: string[]
  parameters?: { name: string; in: string }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { description: string; content?: Record<string, Media> }>
}
interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, { examples?: unknown[] }> }
}

const committed = readFileSync(new URL('../openapi/openapi.yaml', import.meta.url), 'utf8')
const document: Document = parse(committed)
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
)

t.test('the committed document is what the schemas say', async (t) => {
  t.equal(difference(committed, await generate()), difference(committed, committed))
})

t.test('every promised operation is described', async (t) => {
  t.same(operations.map(({ name }) => name).sort(), [
    'delete /dead-letters/{id}',
    'delete /keys/{id}',
    'delete /profiles/{id}',
    'delete /replays/{id}',
    'get /dead-letters',
    'get /dead-letters/{id}',
    'get /events',
    'get /events/{id}',
    'get /events/{id}/timeline',
    'get /keys',
    'get /keys/{id}',
    'get /livez',
    'get /metrics',
    'get /profiles',
    'get /profiles/{id}',
    'get /readyz',
    'get /replays',
    'get /replays/{id}',
    'get /results',
    'get /results/{id}',
    'get /stats',
    'get /topics',
    'patch /keys/{id}',
    'patch /profiles/{id}',
    'post /dead-letters/redrive',
    'post /dead-letters/{id}/redrive',
    'post /keys',
    'post /keys/{id}/revoke',
    'post /profiles',
    'post /replays',
    'post /topics/{topic}/events',
    'put /profiles/{id}',
  ])
})

t.test('every operation has a name, a summary, tags and its error answers', async (t) => {
  t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
  for (const { name, operation } of operations) {
    // A body is read before it is known that the operation wants none; that of a GET never is.
    const ofBodies = name.startsWith('get ') ? [] : [413, 415]
    t.ok(operation.summary, name)
    t.equal(operation.tags.length, 1, name)
    for (const status of [400, 500, 503, ...ofBodies]) {
      t.ok(operation.responses[status]?.content, `${name} ${status}`)
    }
  }
})

t.test('every POST takes an Idempotency-Key and tells what comes of it, and nothing else does', async (t) => {
  for (const { name, operation } of operations) {
    const post = name.startsWith('post ')
    const header = operation.parameters?.find((parameter) => parameter.name === 'idempotency-key')
    t.equal(header?.in, post ? 'header' : undefined, name)
    t.equal(JSON.stringify(operation.responses).includes('idempotency_mismatch'), post, name)
  }
})

t.test('every body and every answer has an example, and it fits its schema', async (t) => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'document')
  for (const { name, operation } of operations) {
    const answers = Object.entries(operation.responses).map(([status, { content }]) => ({
      what: status,
      content,
    }))
    for (const { what, content } of [{ what: 'body', content: operation.requestBody?.content }, ...answers]) {
      for (const [type, media] of Object.entries(content ?? {})) {
        const ref = media.schema.$ref ?? ''
        const component = document.components.schemas[ref.split('/').at(-1) ?? '']
        const examples = media.example === undefined ? (component?.examples ?? []) : [media.example]
        t.ok(examples.length > 0, `${name} ${what} ${type} has one`)
        for (const example of examples) {
          t.ok(ajv.validate({ $ref: `document${ref}` }, example), `${name} ${what}: ${ajv.errorsText()}`)
        }
      }
    }
  }
})

t.test('the error codes are those of the table, and each status that has one is described', async (t) => {
  const problem = document.components.schemas.Problem as unknown as {
    properties: { code: { enum: string[] } }
  }
  t.same(problem.properties.code.enum, Object.keys(errors))
  const described = operations.map(({ operation }) => JSON.stringify(operation.responses)).join()
  // These never come from an operation: the request does not reach one.
  const elsewhere = ['method_not_allowed', 'request_timeout', 'headers_too_large']
  for (const code of Object.keys(errors)) {
    t.equal(described.includes(`\`${code}\``), !elsewhere.includes(code), code)
  }
})

t.test('drift is shown line by line', async (t) => {
  t.equal(difference('a\nb\nc', 'a\nB\nB2\nc'), '@@ line 2 @@\n- b\n+ B\n+ B2')
  t.equal(difference('a\na', 'a'), '@@ line 2 @@\n- a')
})
