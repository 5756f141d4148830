import type { FastifyError, FastifyRequest } from 'fastify'
import type { ErrorItem } from '../src/errors.js'
import { complaints } from '../src/schemas/complaints.js'

/** Where Fastify found what is wrong, in Keypost's words. */
const places: Record<string, { in: ErrorItem['in']; schema: 'body' | 'querystring' | 'params' | 'headers' }> =
  {
    body: { in: 'body', schema: 'body' },
    querystring: { in: 'query', schema: 'querystring' },
    params: { in: 'path', schema: 'params' },
    headers: { in: 'header', schema: 'headers' },
  }

/** What the schema of a route found wrong. */
export function itemsOf(error: FastifyError, request: FastifyRequest): ErrorItem[] {
  const place = places[error.validationContext ?? ''] ?? { in: 'body', schema: 'body' }
  const schema = request.routeOptions.schema?.[place.schema]
  return complaints(error.validation ?? [], schema).map((item) => ({ in: place.in, ...item }))
}
