import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** As much of JSON Schema as the document uses. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  pattern?: string
  format?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  maxProperties?: number
  items?: Schema
  minItems?: number
  maxItems?: number
  anyOf?: Schema[]
}

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
}

interface Media {
  schema: Schema
}

export interface Response {
  description: string
  headers?: Record<string, object>
  content?: Record<string, Media>
}

export interface Operation {
  id: string
  method: string
  /** With `{id}` and the like in it. */
  path: string
  parameters: Parameter[]
  /** By media type. */
  bodies: Record<string, Media>
  bodyRequired: boolean
  responses: Record<string, Response>
  /** What a token must allow where tokens are configured; null: none is needed. */
  scope: string | null
}

interface Described {
  operationId: string
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Record<string, Media> }
  responses: Record<string, Response & { $ref?: string }>
  security?: Record<string, string[]>[]
}

interface Raw {
  openapi: string
  paths: Record<string, Record<string, Described>>
}

/** The OpenAPI document that the app serves: what requests are made from, and answers are held to. */
export class Document {
  readonly operations: Operation[]
  readonly #raw: Raw
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true })
  readonly #compiled = new Map<Schema, ValidateFunction>()

  constructor(text: string) {
    this.#raw = JSON.parse(text) as Raw
    addFormats.default(this.#ajv)
    this.#ajv.addSchema(this.#raw, 'document')
    this.operations = Object.entries(this.#raw.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => this.#operation(path, method, described)),
    )
  }

  /** A schema without its reference. */
  resolve<T extends object>(schema: T & { $ref?: string }): T {
    if (schema.$ref === undefined) return schema
    const names = schema.$ref.split('/').slice(1)
    const found = names.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], this.#raw)
    return this.resolve(found as T)
  }

  /** What is wrong with a value, or null. */
  complaint(schema: Schema, value: unknown): string | null {
    let check = this.#compiled.get(schema)
    if (check === undefined) {
      const absolute = JSON.stringify(schema).replaceAll('"#/', '"document#/')
      check = this.#ajv.compile(JSON.parse(absolute))
      this.#compiled.set(schema, check)
    }
    return check(value) ? null : this.#ajv.errorsText(check.errors)
  }

  #operation(path: string, method: string, described: Described): Operation {
    const { operationId, parameters = [], requestBody, responses } = described
    return {
      id: operationId,
      method: method.toUpperCase(),
      path,
      parameters: parameters.map((parameter) => this.resolve(parameter)),
      bodies: requestBody?.content ?? {},
      bodyRequired: requestBody?.required ?? false,
      responses: Object.fromEntries(
        Object.entries(responses).map(([status, response]) => [status, this.resolve<Response>(response)]),
      ),
      scope: described.security?.flatMap((each) => Object.values(each).flat())[0] ?? null,
    }
  }
}
