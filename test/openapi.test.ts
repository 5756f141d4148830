import { readFileSync } from 'node:fs'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import t from 'tap'
import { parse } from 'yaml'
import { difference, generate } from '../src/commands/openapi.js'
import { errors } from '../src/errors.js'

interface Media {
  schema: { $ref?: string }
  example?: unknown
  examples?: Record<string, { value: unknown } | Reference>
}
interface Described {
  description?: string
  example?: unknown
  schema: { examples?: unknown[]; enum?: unknown[]; default?: unknown }
}
interface Answer {
  description: string
  headers: Record<string, Described | Reference>
  content?: Record<string, Media>
}
interface Reference {
  $ref: string
}
interface Operation {
  operationId: string
  summary: string
  description: string
  tags: string[]
  parameters?: (Described & { name: string; in: string })[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, Answer>
}
interface Document {
  openapi: string
  paths: Record<
    string,
    Record<string, Omit<Operation, 'responses'> & { responses: Record<string, Answer | Reference> }>
  >
  components: {
    schemas: Record<string, { examples?: unknown[] }>
    responses: Record<string, Answer>
    headers: Record<string, Described>
    examples: Record<string, { value: unknown }>
  }
}

const committed = readFileSync(new URL('../openapi/openapi.yaml', import.meta.url), 'utf8')
const document: Document = parse(committed)
/** Of a component that is referred to, the name. */
const nameIn = ({ $ref }: Reference): string => $ref.split('/').at(-1) ?? ''

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { responses, ...operation }]) => ({
    name: `${method} ${path}`,
    operation: { ...operation, responses: withoutReferences(responses) } as Operation,
  })),
)

function withoutReferences(responses: Record<string, Answer | Reference>) {
  const answers = Object.entries(responses).map(([status, answer]) => [
    status,
    '$ref' in answer ? document.components.responses[nameIn(answer)] : answer,
  ])
  return Object.fromEntries(answers)
}

t.test('the committed document is what the schemas say', async (t) => {
  const { 'openapi/openapi.yaml': generated = '' } = await generate()
  t.equal(difference(committed, generated), difference(committed, committed))
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
    'get /events/stream',
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

t.test("it has nothing to complain of, by all of Redocly's recommended rules", async (t) => {
  const config = await createConfig({ extends: ['recommended'] })
  const lint = (source: string) => lintFromString({ source, absoluteRef: '/openapi.yaml', config })
  const complaints = (await lint(committed)).map(({ severity, ruleId, message }) => [
    severity,
    ruleId,
    message,
  ])
  t.strictSame(complaints, [])
  t.ok((await lint(committed.replace('operationId: submitKey', 'operationId: listKeys'))).length > 0)
})

t.test('every parameter and every header has a description and an example', async (t) => {
  const isSaid = (name: string, { description, example, schema }: Described) => {
    t.ok(description, `${name} has a description`)
    const values = [example, schema.examples?.[0], schema.enum?.[0], schema.default]
    t.ok(
      values.some((value) => value !== undefined),
      `${name} has an example`,
    )
  }
  for (const { name, operation } of operations) {
    t.ok(operation.description, name)
    for (const parameter of operation.parameters ?? []) isSaid(`${name} ${parameter.name}`, parameter)
    for (const [status, { headers }] of Object.entries(operation.responses)) {
      t.ok(headers['X-Request-Id'], `${name} ${status} X-Request-Id`)
      for (const [header, said] of Object.entries(headers)) {
        const described = '$ref' in said ? document.components.headers[nameIn(said)] : said
        if (described === undefined) t.fail(`${name} ${status} ${header} is not there`)
        else isSaid(`${name} ${status} ${header}`, described)
      }
    }
  }
})

t.test('every operation has a name, a summary, tags and its error answers', async (t) => {
  t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
  for (const { name, operation } of operations) {
    // A body is read before it is known that the operation wants none; that of a GET never is.
    const ofBodies = name.startsWith('get ') ? [] : [413, 415]
    t.ok(operation.summary, name)
    t.equal(operation.tags.length, 1, name)
    for (const status of [400, 500, 503, 'default', ...ofBodies]) {
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

const examplesOf = ({ examples }: Media, component: { examples?: unknown[] } | undefined): unknown[] =>
  examples === undefined
    ? (component?.examples ?? [])
    : Object.values(examples).map((one) =>
        '$ref' in one ? document.components.examples[nameIn(one)]?.value : one.value,
      )

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
        const examples = media.example === undefined ? examplesOf(media, component) : [media.example]
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
  for (const code of Object.keys(errors)) t.ok(described.includes(`\`${code}\``), code)
})

t.test('probes are never refused for their number; what is says how many are left', async (t) => {
  const probes = ['get /livez', 'get /readyz']
  for (const { name, operation } of operations) {
    const limited = !probes.includes(name)
    t.equal('429' in operation.responses, limited, name)
    t.equal(JSON.stringify(operation.responses).includes('overloaded'), limited, name)
    for (const [status, { headers }] of Object.entries(operation.responses))
      t.equal('RateLimit' in headers, limited && status !== '401', `${name} ${status}`)
  }
})

t.test('drift is shown line by line', async (t) => {
  t.equal(difference('a\nb\nc', 'a\nB\nB2\nc'), '@@ line 2 @@\n- b\n+ B\n+ B2')
  t.equal(difference('a\na', 'a'), '@@ line 2 @@\n- a')
})
