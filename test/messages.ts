import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'
import type { Engine } from '../src/engines/engine.js'
import { Unavailable } from '../src/engines/errors.js'
import type { KeypostEvent } from '../src/schemas/event.js'

interface Channel {
  address: string
  messages: Record<string, unknown>
}
interface Document {
  channels: Record<string, Channel>
  components: { messages: Record<string, { payload: object; examples: { payload: unknown }[] }> }
}

/** The AsyncAPI document, as it is committed. */
export const text = readFileSync(new URL('../openapi/asyncapi.yaml', import.meta.url), 'utf8')
export const document: Document = parse(text)

const ajv = new Ajv2020({ allErrors: true, strictTypes: false, allowMatchingProperties: true })
addFormats.default(ajv)
ajv.addVocabulary(['asyncapi', 'info', 'servers', 'channels', 'operations', 'components'])
ajv.addVocabulary(['defaultContentType'])
ajv.addSchema(document, 'document')

const compiled = new Map<string, ValidateFunction>()

export function payloadOf(message: string): ValidateFunction {
  const validate =
    compiled.get(message) ?? ajv.compile({ $ref: `document#/components/messages/${message}/payload` })
  compiled.set(message, validate)
  return validate
}

/** What is wrong with an event, as a message on the channel of its topic; null: nothing. */
export function complaint({ topic, type }: { topic: string; type: string }, event: unknown): string | null {
  const channel = Object.values(document.channels).find(({ address }) => address === topic)
  const message = channel === undefined ? 'custom' : type
  if (channel !== undefined && !Object.hasOwn(channel.messages, type))
    return `${topic} has no message ${type}`
  const validate = payloadOf(message)
  return validate(event) ? null : `${topic} ${type}: ${ajv.errorsText(validate.errors)}`
}

/** Every event that is kept, oldest first. */
export async function eventsOf(engine: Engine): Promise<KeypostEvent[]> {
  const events: KeypostEvent[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await engine.list('events', { order: 'asc', limit: 200, cursor })
    events.push(...page.items)
    if (page.nextCursor === null) return events
    cursor = page.nextCursor
  }
}

/**
 * Throws if events are not what the AsyncAPI document says that they are. Where a test has put the data out of reach
 * there is nothing to look at.
 */
export async function checkMessages(engine: Engine): Promise<void> {
  const events = await eventsOf(engine).catch((error: unknown) => {
    if (error instanceof Unavailable) return []
    throw error
  })
  const complaints = new Set(events.flatMap((event) => complaint(event, event) ?? []))
  if (complaints.size > 0) throw new Error(`not as openapi/asyncapi.yaml says: ${[...complaints].join('; ')}`)
}
