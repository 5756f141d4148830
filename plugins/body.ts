import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { KeypostError } from '../src/errors.js'

/** The largest valid body, with every character escaped as \uXXXX twice, is about 560 KB. */
export const BODY_LIMIT = 640 * 1024

/**
 * Which bodies are read: JSON, and for PATCH also JSON merge patches (RFC 7396). Anything else is answered
 * with 415. A body with `__proto__` or `constructor.prototype` in it is refused.
 */
export default fp(
  async (app) => {
    const json = app.getDefaultJsonParser('error', 'error')
    app.removeContentTypeParser('text/plain')
    app.addContentTypeParser(
      'application/merge-patch+json',
      { parseAs: 'string' },
      (request: FastifyRequest, body: string, done) => {
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

/** An operation without a body takes none, lest somebody believes that it was heard; `{}` says nothing. */
async function refuseBody({ body }: FastifyRequest): Promise<void> {
  if (body === undefined || body === null || JSON.stringify(body) === '{}') return
  throw new KeypostError('invalid_request', 'This operation takes no body.', [
    { in: 'body', pointer: '', message: 'must be absent' },
  ])
}
