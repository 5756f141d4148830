import fp from 'fastify-plugin'
import { type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { KeypostError } from '../src/errors.js'

const NoParameters = Type.Object({}, { additionalProperties: false })

/**
 * Requests are checked by TypeBox against the very schemas that type the handlers. Nothing is dropped, filled
 * in or converted, but for decimal digits in a query string where a schema wants an integer.
 */
export default fp(
  async (app) => {
    app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => {
      const compiled = Compile(schema)
      const integers = httpPart === 'querystring' ? integersOf(schema) : []
      return (value: unknown) => {
        const converted =
          integers.length === 0 ? value : withIntegers(value as Record<string, unknown>, integers)
        return compiled.Check(converted) ? { value: converted } : { error: compiled.Errors(converted) }
      }
    })
    app.addHook('onRoute', ({ schema }) => {
      if (schema?.operationId !== undefined) schema.querystring ??= NoParameters
    })
    app.addHook('preValidation', async ({ url }) => refuseBadEncoding(url.split('?').slice(1).join('?')))
  },
  { name: 'validation' },
)

/** Fastify takes what it cannot decode for what it says: a subject would be looked for as `%C3%A`. */
function refuseBadEncoding(query: string): void {
  try {
    decodeURIComponent(query)
  } catch {
    throw new KeypostError('invalid_request', 'The query string could not be read.', [
      { in: 'query', pointer: '', message: 'must be valid percent-encoding of UTF-8' },
    ])
  }
}

const integersOf = (schema: TSchema & { properties?: Record<string, { type?: string }> }): string[] =>
  Object.entries(schema.properties ?? {})
    .filter(([, property]) => property.type === 'integer')
    .map(([name]) => name)

function withIntegers(query: Record<string, unknown>, names: string[]): Record<string, unknown> {
  const converted = { ...query }
  for (const name of names) {
    const text = query[name]
    if (typeof text === 'string' && /^\d{1,9}$/.test(text)) converted[name] = Number(text)
  }
  return converted
}
