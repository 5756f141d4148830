import fp from 'fastify-plugin'
import type { Config } from '../src/config.js'
import { KeypostError } from '../src/errors.js'

/** Names that are loopback wherever they are resolved (RFC 6761 §6.3), and its addresses, with any port. */
const LOOPBACK = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{0,5})?$/i
const SCHEME = /^https?:\/\//

/**
 * Without tokens loopback is all that protects Keypost, and a browser on this machine reaches it for any page.
 *
 * A page whose own name is made to resolve to loopback (DNS rebinding) says that name as its `Host`: 421 (RFC 9110
 * §15.5.20). Any other page may send what needs no preflight, such as a POST without a body, and says where it is from
 * as its `Origin` (Fetch Standard §3.2): 403, unless it is from loopback too, or one of `CORS_ORIGINS`.
 */
export default fp<Config>(
  async (app, { tokens, corsOrigins }) => {
    if (tokens.length > 0) return
    app.addHook('onRequest', async ({ method, headers: { host = '', origin } }) => {
      if (!LOOPBACK.test(host)) {
        throw new KeypostError(
          'misdirected_request',
          'Without tokens Keypost serves loopback names alone, such as localhost.',
        )
      }
      if (origin === undefined || SAFE.has(method) || corsOrigins.includes(origin)) return
      if (SCHEME.test(origin) && LOOPBACK.test(origin.replace(SCHEME, ''))) return
      throw new KeypostError(
        'foreign_origin',
        'Without tokens pages from loopback and of CORS_ORIGINS alone change anything.',
      )
    })
  },
  { name: 'hosts', dependencies: ['problems'] },
)

/** They change nothing (RFC 9110 §9.2.1), and what they answer is read by pages of CORS_ORIGINS alone. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
