import { Compile } from 'typebox/compile'
import { KeypostError } from '../errors.js'
import { complaints } from '../schemas/complaints.js'
import { CloudEventInput, EventInput } from '../schemas/event-input.js'

/** Handlers and readers go through data recursively; deeper data would end them. */
export const MAX_DEPTH = 64

/** In bytes as JSON: as much as a request may have. Whoever reads the log reads many events at once. */
const MAX_DATA = 640 * 1024

const inShort = { schema: EventInput, compiled: Compile(EventInput) }
const cloudEvent = { schema: CloudEventInput, compiled: Compile(CloudEventInput) }

/**
 * What a client sent as an event, if it is one: a CloudEvent if it says `specversion` (or `form` says that it
 * should), else the short form.
 * @throws invalid_request, body_too_large
 */
export function eventInput(value: unknown, form?: 'cloudevent'): EventInput | CloudEventInput {
  const isCloudEvent = form === 'cloudevent' || (isObject(value) && Object.hasOwn(value, 'specversion'))
  const { schema, compiled } = isCloudEvent ? cloudEvent : inShort
  if (!compiled.Check(value)) {
    const items = complaints(compiled.Errors(value), schema)
    throw new KeypostError(
      'invalid_request',
      'The event does not fit its schema.',
      items.map((item) => ({ in: 'body', ...item })),
    )
  }
  if (isDeeper(value.data, MAX_DEPTH)) {
    throw new KeypostError('invalid_request', 'The event does not fit its schema.', [
      { in: 'body', pointer: '/data', message: `must not be more than ${MAX_DEPTH} levels deep` },
    ])
  }
  if (Buffer.byteLength(JSON.stringify(value.data ?? null)) > MAX_DATA) {
    throw new KeypostError('body_too_large', 'The data of the event is larger than any request may be.')
  }
  return value
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isDeeper = (value: unknown, levels: number): boolean =>
  isObject(value) && (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)))
