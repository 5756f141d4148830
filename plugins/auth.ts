import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../src/config.js'
import type { Scope, Token } from '../src/tokens.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose token came with it; `null` on open paths, and where no tokens are configured. */
    client: Pick<Token, 'name' | 'scopes'> | null
  }
  interface FastifyContextConfig {
    /** What its token must allow, where the method does not say it: GET and HEAD read, others write. */
    scope?: Scope
    /** It is answered without a token. */
    open?: true
  }
}

/** Who sends a request, and whether they may. */
export default fp<Config>(
  async (app) => {
    app.decorateRequest('client', null)
    app.addHook('onRequest', async (_request: FastifyRequest) => {})
  },
  { name: 'auth' },
)
