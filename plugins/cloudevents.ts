import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { eventInput } from '../src/domain/event-input.js'
import { KeypostError } from '../src/errors.js'
import type { CloudEventInput } from '../src/schemas/event-input.js'
import { jsonParser } from './body.js'

/** Reads the media types of CloudEvents, on the routes of the plugin that registers this one. */
export default fp(
  async (app) => {
    app.addContentTypeParser('application/cloudevents+json', { parseAs: 'buffer' }, jsonParser(app))
    app.addContentTypeParser('application/cloudevents-batch+json', (_request, _body, done) => {
      done(
        new KeypostError(
          'unsupported_media_type',
          'Batches are not taken. Send each event by itself, as application/cloudevents+json.',
        ),
      )
    })
  },
  { name: 'cloudevents', dependencies: ['body'] },
)

/**
 * Makes of any mode one form, in which an event is what `request.body` says (CloudEvents HTTP protocol binding
 * 1.0): the structured mode is told by its media type, the binary one by its headers, the short form by neither.
 * For `preValidation`, so that an `Idempotency-Key` belongs to headers too.
 */
export async function receiveEvent(request: FastifyRequest): Promise<void> {
  const structured = /^application\/cloudevents\+json\b/i.test(request.headers['content-type'] ?? '')
  const names = Object.keys(request.headers).filter((name) => name.startsWith('ce-'))
  if (structured) request.body = eventInput(request.body, 'cloudevent')
  else if (names.length > 0) request.body = binaryMode(request, names)
  else request.body = eventInput(request.body)
}

function binaryMode(request: FastifyRequest, names: string[]): CloudEventInput {
  // Its media type says what the data is, and a header that would be an attribute `data` is none.
  const misplaced = names.find((name) => name === 'ce-datacontenttype' || name === 'ce-data')
  if (misplaced !== undefined) throw invalid(misplaced, 'is not a header of the binary mode')
  const attributes = names.map((name) => [name.slice(3), decode(name, request.headers[name])])
  const event = { ...Object.fromEntries(attributes), data: request.body ?? null }
  try {
    return eventInput(event, 'cloudevent') as CloudEventInput
  } catch (error) {
    if (!(error instanceof KeypostError)) throw error
    throw new KeypostError(error.code, error.detail, error.items.map(inRequest))
  }
}

/** Where the client sent what is wrong with an event. */
function inRequest(item: KeypostError['items'][number]): KeypostError['items'][number] {
  const [, name = '', ...rest] = item.pointer.split('/')
  if (name === 'data') return { ...item, pointer: ['', ...rest].join('/') }
  return { ...item, in: 'header', pointer: name === '' ? '' : `/ce-${name}` }
}

/** §3.1.3.2: quotes are taken away, then what is percent-encoded is UTF-8. */
function decode(name: string, value: string | string[] | undefined): string {
  const text = String(value)
  if (!/^[ -~]*$/.test(text)) throw invalid(name, 'must be percent-encoded')
  const bare = /^".*"$/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
  try {
    return bare.replace(/(?:%[0-9A-Fa-f]{2})+/g, decodeURIComponent)
  } catch {
    throw invalid(name, 'must be UTF-8, percent-encoded')
  }
}

/** Only names that Keypost knows are said. */
const invalid = (name: string, message: string): KeypostError =>
  new KeypostError('invalid_request', 'A header of the event could not be read.', [
    { in: 'header', pointer: KNOWN.has(name) ? `/${name}` : '', message },
  ])

const KNOWN = new Set(
  ['specversion', 'id', 'source', 'type', 'subject', 'time', 'dataschema', 'datacontenttype', 'data'].map(
    (name) => `ce-${name}`,
  ),
)
