import type { ErrorItem } from '../errors.js'

export type Complaint = Omit<ErrorItem, 'in'>

/** What a compiled schema says of a value; TypeBox and Fastify have it in this form. */
export interface SchemaError {
  keyword: string
  instancePath: string
  params: object
  message?: string
}

/** What a schema found wrong, without the value and without any name that only the client knows. */
export function complaints(errors: SchemaError[], schema: unknown): Complaint[] {
  const items = errors.flatMap((one) => describe(one, schema))
  return [...new Map(items.map((item) => [`${item.pointer} ${item.message}`, item])).values()]
}

function describe(error: SchemaError, schema: unknown): Complaint[] {
  const pointer = knownPart(error.instancePath, schema)
  const { keyword, message = 'is not valid' } = error
  const params = error.params as Record<string, string[]>
  if (keyword === 'boolean') return [] // the other half of an additionalProperties
  if (keyword === 'additionalProperties') return [{ pointer, message: 'has a property that is not known' }]
  if (keyword === 'propertyNames') return [{ pointer, message: 'has a property whose name is not valid' }]
  if (keyword === 'required') {
    const missing = params.requiredProperties ?? []
    return missing.map((name) => ({ pointer: `${pointer}/${name}`, message: 'is required' }))
  }
  if (keyword === 'enum') {
    return [{ pointer, message: `must be one of ${params.allowedValues?.join(', ')}` }]
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
