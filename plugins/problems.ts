import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { newId } from '../src/domain/ids.js'
import { BadCursor, Unavailable } from '../src/engines/errors.js'
import { type ErrorCode, type ErrorItem, errors, KeypostError } from '../src/errors.js'
import type { Problem } from '../src/schemas/problem.js'
import { itemsOf } from './validation-errors.js'

const MEDIA_TYPE = 'application/problem+json'

/** Every error that leaves Keypost is a problem document (RFC 9457) that tells nothing of what was sent. */
export default fp(
  async (app) => {
    app.setErrorHandler<FastifyError>((error, request, reply) => answer(error, request, reply))
  },
  { name: 'problems' },
)

/** Answers with an error. Also Fastify's `frameworkErrors`: URLs that it cannot read reach no hook. */
export function answer(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const known = translate(error, request)
  const { status } = errors[known.code]
  if (status === 500) request.log.error({ err: error }, 'failed')
  if (known.code === 'unavailable') request.log.warn({ reason: error.message }, 'unavailable')
  if (status === 503 || known.code === 'result_pending') reply.header('retry-after', 1)
  if (status === 415 && request.method === 'PATCH') {
    reply.header('accept-patch', 'application/merge-patch+json, application/json')
  }
  return reply
    .headers({ 'x-request-id': request.id, 'cache-control': 'no-store' })
    .code(status)
    .type(MEDIA_TYPE)
    .send(problem(known, request.id))
}

/** Told of what was refused before it became a request: it has no log line of its own. */
export type OnRefused = (refusal: { requestId: string; code: ErrorCode; status: number }) => void

/** Bytes that are not HTTP never become a request, nor does CONNECT: they are answered on the bare socket. */
export function answerOnSocket(error: Error & { code?: string }, socket: Duplex, onRefused: OnRefused): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const code = clientErrorCode(error.code)
  const { status } = errors[code]
  const requestId = newId()
  const known = new KeypostError(code, 'The request could not be read as HTTP.')
  const body = JSON.stringify(problem(known, requestId))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ]
  onRefused({ requestId, code, status })
  socket.on('error', () => {}) // the client may be gone before it reads this
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

const clientErrorCode = (code: string | undefined): ErrorCode => {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout'
  return code === 'HPE_HEADER_OVERFLOW' ? 'headers_too_large' : 'invalid_request'
}

const problem = ({ code, detail, items }: KeypostError, requestId: string): Problem => ({
  type: `urn:keypost:problem:${code}`,
  title: errors[code].title,
  status: errors[code].status,
  detail,
  instance: `urn:uuid:${randomUUID()}`,
  code,
  errors: items,
  requestId,
})

const invalid = (detail: string, items: ErrorItem[]) => new KeypostError('invalid_request', detail, items)

const badPath = () =>
  invalid('The path could not be read.', [{ in: 'path', pointer: '', message: 'must be a path' }])

/** What Fastify refuses by itself: which error that is here, and what is said of it. Never its own message. */
const refusals: Record<string, () => KeypostError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new KeypostError('body_too_large', 'The body is larger than any valid one.'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new KeypostError('unsupported_media_type', 'Send application/json.'),
  FST_ERR_BAD_URL: () => badPath(),
}

function translate(error: FastifyError | Error, request: FastifyRequest): KeypostError {
  if (error instanceof KeypostError) return error
  if (error instanceof Unavailable) {
    return new KeypostError('unavailable', 'The data is out of reach right now. Send the request again.')
  }
  if (error instanceof BadCursor) {
    return new KeypostError('invalid_cursor', 'The cursor belongs to another list, or to none.', [
      { in: 'query', pointer: '/cursor', message: 'must be the nextCursor of a page of this very list' },
    ])
  }
  const { code = '', statusCode = 500, validation } = error as FastifyError
  if (validation)
    return invalid('The request does not fit its schema.', itemsOf(error as FastifyError, request))
  if (refusals[code]) return refusals[code]()
  if (statusCode >= 400 && statusCode < 500) {
    // No body is read with these: it was the name of a file of Swagger UI.
    if (request.method === 'GET' || request.method === 'HEAD') return badPath()
    return invalid('The body could not be read.', [
      { in: 'body', pointer: '', message: 'must be valid JSON' },
    ])
  }
  return new KeypostError('internal_error', 'The request id finds it in the log.')
}
