import { stringify } from 'yaml'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
type JsonObject = { [name: string]: Json }

/**
 * Moves every schema with a `$id` to the components, under that name, and leaves a reference behind: routes
 * hold whole schemas, which type their handlers, and the document says each of them once.
 */
export function hoist<T extends object>(document: T): T {
  const schemas: JsonObject = {}
  const walk = (node: Json): Json => {
    if (Array.isArray(node)) return node.map(walk)
    if (node === null || typeof node !== 'object') return node
    const { $id, ...rest } = node
    const walked = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, walk(value)]))
    if (typeof $id !== 'string') return walked
    schemas[$id] = walked
    return { $ref: `#/components/schemas/${$id}` }
  }
  const walked = walk(JSON.parse(JSON.stringify(document)) as Json) as JsonObject
  const components = {
    schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
  }
  return { ...walked, components } as unknown as T
}

/** As it is committed. */
export const toYaml = (document: object): string =>
  `# Generated from the schemas by \`npm run openapi\`. Do not edit.\n${stringify(document, { lineWidth: 100, aliasDuplicateObjects: false })}`
