import { stringify } from 'yaml'

/**
 * Routes hold whole schemas, which type their handlers; the document says each schema with a `$id` once, among
 * its components, and refers to it. @fastify/swagger drops `$id`s on its way, so they travel in a mark.
 */
const MARK = 'x-component'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
type JsonObject = { [name: string]: Json }

/** @fastify/swagger would water this word of JSON Schema down, as OpenAPI 3.0 did not know it. */
const PATTERNS = 'x-pattern-properties'

/** A copy of a route's schema in which every `$id` is a mark. */
export const mark = <T extends object>(schema: T): T =>
  map(schema as JsonObject, ({ $id, patternProperties, ...rest }) => ({
    ...rest,
    ...(typeof $id === 'string' && { [MARK]: $id }),
    ...(patternProperties !== undefined && { [PATTERNS]: patternProperties }),
  })) as T

/** Moves every marked schema to the components and leaves a reference behind. */
export function hoist<T extends object>(document: T): T {
  const schemas: JsonObject = {}
  const walked = map(document as JsonObject, ({ [MARK]: name, [PATTERNS]: patternProperties, ...rest }) => {
    const schema = patternProperties === undefined ? rest : { ...rest, patternProperties }
    if (typeof name !== 'string') return schema
    schemas[name] = schema
    return { $ref: `#/components/schemas/${name}` }
  })
  return withComponents(walked, 'schemas', schemas) as T
}

type Named = (key: string, value: Json) => string | null

/** Moves what is the same wherever it has this name to the components, too; `named`: null leaves it where it is. */
export function share<T extends object>(
  document: T,
  kind: 'responses' | 'headers' | 'examples',
  named: Named = (key) => key,
): T {
  const found = new Map<string, { text: string; value: Json } | null>()
  const each = (change: (name: string | null, value: Json) => Json) => (object: JsonObject) => {
    const { [kind]: group } = object
    if (group === null || typeof group !== 'object' || Array.isArray(group)) return object
    const changed = Object.entries(group).map(([key, value]) => [key, change(named(key, value), value)])
    return { ...object, [kind]: Object.fromEntries(changed) }
  }
  const collect = (name: string | null, value: Json): Json => {
    if (name === null) return value
    const text = JSON.stringify(value)
    const before = found.get(name)
    found.set(name, before === undefined || before?.text === text ? { text, value } : null)
    return value
  }
  map(document as JsonObject, each(collect))
  const shared = Object.fromEntries([...found].flatMap(([name, one]) => (one ? [[name, one.value]] : [])))
  const refer = (name: string | null, value: Json): Json =>
    name !== null && name in shared ? { $ref: `#/components/${kind}/${name}` } : value
  return withComponents(map(document as JsonObject, each(refer)), kind, shared) as T
}

const withComponents = (document: Json, kind: string, components: JsonObject): unknown => {
  const whole = document as { components?: JsonObject }
  const inOrder = Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...whole, components: { ...whole.components, [kind]: Object.fromEntries(inOrder) } }
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
