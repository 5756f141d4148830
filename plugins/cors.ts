import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../src/config.js'

const options: FastifyCorsOptions = {
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: [
    ...['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Idempotency-Key'],
    ...['Prefer', 'Last-Event-ID', 'X-Request-Id'],
  ],
  exposedHeaders: [
    ...['ETag', 'Location', 'Link', 'Keypost-Event-Id', 'Preference-Applied', 'Idempotent-Replayed'],
    ...['Retry-After', 'RateLimit', 'RateLimit-Policy', 'X-Request-Id', 'Allow', 'Accept-Patch'],
  ],
  // Of the browsers' own limits the shortest is two hours.
  maxAge: 7200,
}

/**
 * Lets the pages of `CORS_ORIGINS` call the API (Fetch Standard §3.3). Tokens are sent in a header by the page
 * itself, so no credentials of the browser are allowed. Without the variable no answer says anything of CORS.
 */
export default fp<Config>(
  async (app, { corsOrigins }) => {
    if (corsOrigins.length === 0) return
    await app.register(cors, {
      // Any other OPTIONS is answered with Allow, as ever.
      delegator: (request, done) =>
        done(null, { ...options, origin: corsOrigins, preflight: isPreflight(request) }),
    })
  },
  { name: 'cors' },
)

const isPreflight = ({ method, headers }: FastifyRequest): boolean =>
  method === 'OPTIONS' &&
  headers.origin !== undefined &&
  headers['access-control-request-method'] !== undefined
