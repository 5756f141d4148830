import fp from 'fastify-plugin'
import type { Config } from '../src/config.js'
import { KeypostError } from '../src/errors.js'

/** Names that are loopback wherever they are resolved (RFC 6761 §6.3), and its addresses, with any port. */
const LOOPBACK = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{0,5})?$/i

/**
 * Without tokens loopback is all that protects Keypost, and a browser on this machine reaches it for any page
 * whose own name is made to resolve to loopback (DNS rebinding). Such a request says that name as its `Host`, and
 * is answered 421 (RFC 9110 §15.5.20).
 */
export default fp<Config>(
  async (app, { tokens }) => {
    if (tokens.length > 0) return
    app.addHook('onRequest', async ({ headers: { host = '' } }) => {
      if (LOOPBACK.test(host)) return
      throw new KeypostError(
        'misdirected_request',
        'Without tokens Keypost serves loopback names alone, such as localhost.',
      )
    })
  },
  { name: 'hosts', dependencies: ['problems'] },
)
