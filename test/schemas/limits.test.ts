import diagnostics from 'node:diagnostics_channel'
import { readdirSync, readFileSync } from 'node:fs'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { check } from 'recheck'
import t, { type Test } from 'tap'
import ts from 'typescript'
import { build } from '../helper.js'

interface Schema {
  [keyword: string]: unknown
}
const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Where any JSON may be: what bounds it is the size and the depth of a body. */
const ANYTHING = /(^|\/)(data|anyOf\/2)$/

/** What a schema leaves without a limit, by JSON pointer. */
function unlimited(schema: Schema, path = ''): string[] {
  if (ANYTHING.test(path)) return []
  const types = [schema.type ?? []].flat()
  const missing: string[] = []
  const closed = schema.enum !== undefined || schema.const !== undefined
  if (types.includes('string') && !closed && schema.maxLength === undefined)
    missing.push(`${path}: maxLength`)
  if (types.includes('array') && schema.maxItems === undefined) missing.push(`${path}: maxItems`)
  if (types.includes('object')) {
    const isHeaders = path.startsWith('headers')
    if (!isHeaders && schema.additionalProperties !== false && schema.maxProperties === undefined)
      missing.push(`${path}: additionalProperties or maxProperties`)
    if (schema.patternProperties !== undefined && schema.additionalProperties !== false)
      missing.push(`${path}: additionalProperties`)
  }
  if (types.length === 0 && !closed && !('anyOf' in schema) && !('content' in schema))
    missing.push(`${path}: type`)
  const inner: [string, unknown][] = [
    ...Object.entries((schema.properties ?? {}) as Schema),
    ...Object.entries((schema.patternProperties ?? {}) as Schema),
    ...((schema.anyOf ?? []) as unknown[]).map((each, i): [string, unknown] => [`anyOf/${i}`, each]),
    ...Object.entries((schema.content ?? {}) as Record<string, Schema>).map(
      ([type, { schema }]): [string, unknown] => [type, schema],
    ),
    ...(schema.items === undefined ? [] : [['items', schema.items] as [string, unknown]]),
  ]
  return missing.concat(
    inner.flatMap(([name, value]) => (isObject(value) ? unlimited(value, `${path}/${name}`) : [])),
  )
}

/** Every route, with the schemas as they are in the end. */
async function routesOf(t: Test): Promise<RouteOptions[]> {
  const routes: RouteOptions[] = []
  const collect = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', (route) => void routes.push(route))
  }
  diagnostics.subscribe('fastify.initialization', collect)
  await build(t)
  diagnostics.unsubscribe('fastify.initialization', collect)
  return routes
}

async function requestSchemas(t: Test): Promise<{ name: string; part: string; schema: Schema }[]> {
  return (await routesOf(t)).flatMap(({ method, url, schema }) =>
    (['body', 'querystring', 'params', 'headers'] as const).flatMap((part) => {
      const found: unknown = schema?.[part]
      return isObject(found) ? [{ name: `${method} ${url} ${part}`, part, schema: found }] : []
    }),
  )
}

t.test('whatever a request may have in it has a limit', async (t) => {
  t.same(unlimited({ type: 'object', properties: { a: { type: 'array', items: { type: 'string' } } } }), [
    ': additionalProperties or maxProperties',
    '/a: maxItems',
    '/a/items: maxLength',
  ])
  const schemas = await requestSchemas(t)
  t.ok(schemas.length > 40, 'they are found')
  for (const { name, part, schema } of schemas)
    t.same(unlimited(schema, part === 'headers' ? 'headers' : ''), [], name)
})

/** Every `pattern`, and every property name that is one. */
function patternsIn(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(patternsIn)
  if (!isObject(schema)) return []
  return [
    ...(typeof schema.pattern === 'string' ? [schema.pattern] : []),
    ...(isObject(schema.patternProperties) ? Object.keys(schema.patternProperties) : []),
    ...Object.values(schema).flatMap(patternsIn),
  ]
}

/** Every regular expression that is written in the code. */
function expressionsIn(folder: string): [string, string][] {
  const root = new URL(`../../${folder}/`, import.meta.url)
  const names = (readdirSync(root, { recursive: true }) as string[]).filter((name) => name.endsWith('.ts'))
  return names.flatMap((name) => {
    const file = ts.createSourceFile(name, readFileSync(new URL(name, root), 'utf8'), ts.ScriptTarget.Latest)
    const found: [string, string][] = []
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) {
        const end = node.text.lastIndexOf('/')
        found.push([node.text.slice(1, end), node.text.slice(end + 1)])
      }
      ts.forEachChild(node, visit)
    }
    visit(file)
    return found
  })
}

t.test('every pattern is matched in linear time', async (t) => {
  t.equal((await check('^(a+)+$', '')).status, 'vulnerable', 'it finds one that is not')
  const patterns = (await requestSchemas(t)).flatMap(({ schema }) => patternsIn(schema))
  const all = new Map<string, [string, string]>()
  for (const pattern of patterns) all.set(`${pattern} u`, [pattern, 'u'])
  for (const [source, flags] of ['src', 'plugins', 'routes'].flatMap(expressionsIn))
    all.set(`${source} ${flags}`, [source, flags])
  t.ok(all.size > 40, 'they are found')
  for (const [source, flags] of all.values()) {
    const { status } = await check(source, flags.replace(/[dv]/g, ''))
    t.equal(status, 'safe', `/${source}/${flags}`)
  }
})
