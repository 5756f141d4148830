import { readdir } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { DataSchemas } from '../bus/data-schemas.js'
import { type Handler, nameOf } from '../bus/handler.js'
import { ConfigError } from '../config.js'
import { topics } from '../domain/topics.js'
import { EventType, TopicName } from '../schemas/event.js'
import { type HandlerDefinition, handlerOf } from './define.js'

/** `process.features.typescript` is there since Node.js 22.10. */
const canTypeScript = Boolean((process.features as { typescript?: unknown }).typescript)

const milliseconds = Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400_000 }))

const Definition = Compile(
  Type.Object(
    {
      topic: TopicName,
      type: EventType,
      schema: Type.Optional(Type.Object({})),
      settings: Type.Optional(
        Type.Object(
          {
            maxAttempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
            retryBaseMs: milliseconds,
            retryCapMs: milliseconds,
            handlerTimeoutMs: milliseconds,
          },
          { additionalProperties: false },
        ),
      ),
      handle: Type.Unsafe<HandlerDefinition['handle']>({}),
    },
    { additionalProperties: false },
  ),
)

/**
 * The handlers that the modules of a folder export by default, each one or an array. What lies in folders below
 * is for the modules to import.
 * @throws ConfigError which says what is wrong, and where
 */
export async function loadHandlers(folder: string): Promise<Handler[]> {
  const handlers: Handler[] = []
  const files = new Map<string, string>()
  for (const file of await modulesIn(folder)) {
    const complain = (what: string) => new ConfigError(`HANDLERS: ${file}: ${what}`)
    for (const definition of await definitionsIn(resolve(folder, file), complain)) {
      const handler = handlerOf(checked(definition, complain))
      const name = nameOf(handler)
      const other = files.get(name)
      if (other !== undefined) throw complain(`${name} has a handler already, in ${other}`)
      files.set(name, file)
      handlers.push(handler)
    }
  }
  return handlers
}

async function modulesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`HANDLERS: ${folder}: cannot be read as a folder (${error.code})`)
  })
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)
  const modules = names.filter(
    (name) =>
      /\.m?js$/.test(name) || (/(?<!\.d)\.m?ts$/.test(name) && !names.includes(name.replace(/ts$/, 'js'))),
  )
  if (modules.length === 0) throw new ConfigError(`HANDLERS: ${folder}: has no .js, .mjs or .ts module in it`)
  return modules.sort()
}

type Complain = (what: string) => ConfigError

async function definitionsIn(path: string, complain: Complain): Promise<unknown[]> {
  if (/ts$/.test(extname(path)) && !canTypeScript) {
    throw complain('this Node.js does not run TypeScript: compile it to .js')
  }
  let exported: { default?: unknown }
  try {
    exported = await import(pathToFileURL(path).href)
  } catch (error) {
    throw complain(`cannot be loaded: ${error instanceof Error ? error.message : error}`)
  }
  if (exported.default === undefined) throw complain('has no default export')
  return [exported.default].flat()
}

function checked(definition: unknown, complain: Complain): HandlerDefinition {
  if (!Definition.Check(definition)) throw complain(complaintsOf(definition).join('; '))
  const { topic, handle, schema } = definition
  if (typeof handle !== 'function') throw complain('handle must be a function')
  if (Object.values<string>(topics).includes(topic)) {
    throw complain(`the topic ${topic} is Keypost's own: it takes no further handlers`)
  }
  try {
    if (schema !== undefined) new DataSchemas([definition as Handler])
  } catch (error) {
    throw complain(`schema cannot be compiled: ${error instanceof Error ? error.message : error}`)
  }
  return definition
}

/** Those of the handler's author, whose names may be said. */
function complaintsOf(definition: unknown): string[] {
  const lines = Definition.Errors(definition)
    .filter(({ keyword }) => keyword !== 'boolean')
    .map(({ instancePath, keyword, params, message }) => {
      const where = instancePath === '' ? '' : `${instancePath.slice(1).replaceAll('/', '.')} `
      const { additionalProperties = [] } = params as { additionalProperties?: string[] }
      return keyword === 'additionalProperties'
        ? `${where}has unknown properties: ${additionalProperties.join(', ')}`
        : `${where}${message}`
    })
  return [...new Set(lines)]
}
