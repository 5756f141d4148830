import type { FastifyError, FastifyRequest, FastifySchemaValidationError } from 'fastify'
import type { ErrorItem } from '../src/errors.js'

/** Where Fastify found what is wrong, in Keypost's words. */
const places: Record<string, { in: ErrorItem['in']; schema: 'body' | 'querystring' | 'params' | 'headers' }> =
  {
    body: { in: 'body', schema: 'body' },
    querystring: { in: 'query', schema: 'querystring' },
    params: { in: 'path', schema: 'params' },
    headers: { in: 'header', schema: 'headers' },
  }

/** What a schema found wrong, without the value and without any name that only the client knows. */
export function itemsOf(error: FastifyError, request: FastifyRequest): ErrorItem[] {
  const place = places[error.validationContext ?? ''] ?? { in: 'body', schema: 'body' }
  const schema = request.routeOptions.schema?.[place.schema]
  const items = (error.validation ?? []).flatMap((one) => describe(one, schema))
  const unique = new Map(items.map((item) => [`${item.pointer} ${item.message}`, item]))
  return [...unique.values()].map((item) => ({ in: place.in, ...item }))
}

type Found = Omit<ErrorItem, 'in'>

function describe(error: FastifySchemaValidationError, schema: unknown): Found[] {
  const pointer = knownPart(error.instancePath, schema)
  const { keyword, params, message = 'is not valid' } = error
  if (keyword === 'boolean') return [] // the other half of an additionalProperties
  if (keyword === 'additionalProperties') return [{ pointer, message: 'has a property that is not known' }]
  if (keyword === 'required') {
    const missing = params.requiredProperties as string[]
    return missing.map((name) => ({ pointer: `${pointer}/${name}`, message: 'is required' }))
  }
  if (keyword === 'enum') {
    return [{ pointer, message: `must be one of ${(params.allowedValues as string[]).join(', ')}` }]
  }
  return [{ pointer, message: pointer === error.instancePath ? message : 'has an entry that is not valid' }]
}

interface Shape {
  properties?: Record<string, Shape>
}

/** As much of a pointer as the schema names; the rest are names that the client chose. */
function knownPart(pointer: string, schema: unknown): string {
  let known = ''
  let shape = schema as Shape | undefined
  for (const name of pointer.split('/').slice(1)) {
    if (shape?.properties === undefined || !Object.hasOwn(shape.properties, name)) break
    shape = shape.properties[name]
    known += `/${name}`
  }
  return known
}
