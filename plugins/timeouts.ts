import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its answer may go on for as long as the client reads it. */
    streams?: true
  }
}

/**
 * How long the answer to a request may take, whatever it waits for; each step has a shorter limit of its own.
 * Longer than the 30 s of `Prefer: wait` and what comes before and after.
 */
export const ANSWER_MS = 45_000

/** A request that is never answered would hold its connection, and its client, for ever. */
export default fp(
  async (app) => {
    app.addHook('onRoute', (route) => {
      if (!route.config?.streams) route.handlerTimeout ??= ANSWER_MS
    })
  },
  { name: 'timeouts', dependencies: ['problems'] },
)
