import { stringify } from 'yaml'

/**
 * Routes hold whole schemas, which type their handlers; the document says each schema with a `$id` once, among
 * its components, and refers to it. @fastify/swagger drops `$id`s on its way, so they travel in a mark.
 */
const MARK = 'x-component'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
type JsonObject = { [name: string]: Json }

/** A copy of a route's schema in which every `$id` is a mark. */
export const mark = <T extends object>(schema: T): T =>
  map(schema as JsonObject, ({ $id, ...rest }) =>
    typeof $id === 'string' ? { ...rest, [MARK]: $id } : rest,
  ) as T

/** Moves every marked schema to the components and leaves a reference behind. */
export function hoist<T extends object>(document: T): T {
  const schemas: JsonObject = {}
  const walked = map(document as JsonObject, ({ [MARK]: name, ...schema }) => {
    if (typeof name !== 'string') return schema
    schemas[name] = schema
    return { $ref: `#/components/schemas/${name}` }
  })
  const inOrder = Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...(walked as JsonObject), components: { schemas: Object.fromEntries(inOrder) } } as unknown as T
}

/** Changes every object of a tree, the inner ones first. */
function map(node: Json, change: (object: JsonObject) => JsonObject): Json {
  if (node === null || typeof node !== 'object') return node
  if (Array.isArray(node)) return node.map((item) => map(item, change))
  const inner = Object.entries(node).map(([name, value]) => [name, map(value, change)])
  return change(Object.fromEntries(inner))
}

/** As it is committed. */
export const toYaml = (document: object): string =>
  `# Generated from the schemas by \`npm run openapi\`. Do not edit.\n${stringify(document, {
    lineWidth: 100,
    aliasDuplicateObjects: false,
  })}`
