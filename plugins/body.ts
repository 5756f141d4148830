import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { MAX_DEPTH } from '../src/domain/event-input.js'
import { KeypostError } from '../src/errors.js'

/** The largest valid body, with every character escaped as \uXXXX twice, is about 560 KB. */
export const BODY_LIMIT = 640 * 1024

/**
 * Which bodies are read: JSON, and for PATCH also JSON merge patches (RFC 7396). Anything else is answered
 * with 415. A body with `__proto__` or `constructor.prototype` in it is refused.
 */
export default fp(
  async (app) => {
    app.removeAllContentTypeParsers()
    const json = jsonParser(app)
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, json)
    app.addContentTypeParser<Buffer>(
      'application/merge-patch+json',
      { parseAs: 'buffer' },
      (request, body, done) => {
        if (request.method === 'PATCH') json(request, body, done)
        else done(new KeypostError('unsupported_media_type', 'Send application/json.'))
      },
    )
    app.addHook('onRoute', (route) => {
      if (route.schema?.body !== undefined || route.schema?.operationId === undefined) return
      route.preValidation = [route.preValidation ?? []].flat().concat(refuseBody)
    })
  },
  { name: 'body' },
)

type Done = (error: Error | null, body?: unknown) => void

/** For any media type that is JSON. */
export function jsonParser(app: FastifyInstance) {
  const parse = app.getDefaultJsonParser('error', 'error')
  return (request: FastifyRequest, body: Buffer, done: Done): void => {
    const text = decode(body)
    if (text === null) done(notUtf8())
    else if (isDeeper(text, MAX_DEPTH + 1)) done(tooDeep())
    else parse(request, text, done)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Lenient decoding turns every bad byte into the same character, so that two keys could become one. */
function decode(body: Buffer): string | null {
  try {
    return utf8.decode(body)
  } catch {
    return null
  }
}

const [QUOTE, BACKSLASH] = ['"'.charCodeAt(0), '\\'.charCodeAt(0)]
const OPENING = new Set([...'[{'].map((bracket) => bracket.charCodeAt(0)))
const CLOSING = new Set([...']}'].map((bracket) => bracket.charCodeAt(0)))

/**
 * Whether JSON nests deeper than any that is valid: the data of an event, in an event. Looked at before it is
 * parsed, as what goes through it afterwards may do so recursively. By character, as a regular expression would
 * try each quote of a string that does not end.
 */
function isDeeper(json: string, levels: number): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < json.length; at++) {
    const character = json.charCodeAt(at)
    if (character === QUOTE) inString = !inString
    else if (inString && character === BACKSLASH) at++
    else if (!inString && OPENING.has(character) && ++depth > levels) return true
    else if (!inString && CLOSING.has(character)) depth--
  }
  return false
}

const tooDeep = () =>
  new KeypostError('invalid_request', 'The body is nested too deep.', [
    { in: 'body', pointer: '', message: `must not be more than ${MAX_DEPTH + 1} levels deep` },
  ])

const notUtf8 = () =>
  new KeypostError('invalid_request', 'JSON is sent in UTF-8 (RFC 8259 §8.1).', [
    { in: 'body', pointer: '', message: 'must be UTF-8' },
  ])

/** An operation without a body takes none, lest somebody believes that it was heard; `{}` says nothing. */
async function refuseBody({ body }: FastifyRequest): Promise<void> {
  if (body === undefined || body === null || JSON.stringify(body) === '{}') return
  throw new KeypostError('invalid_request', 'This operation takes no body.', [
    { in: 'body', pointer: '', message: 'must be absent' },
  ])
}
