import type { RouteHandlerMethod } from 'fastify'
import fp from 'fastify-plugin'
import { KeypostError } from '../src/errors.js'
import { within } from '../src/within.js'

/**
 * How long a request may wait for its answer, whatever that waits for; each step has a shorter limit of its own.
 * Longer than the 30 s of `Prefer: wait` and what comes before and after. A stream may go on for as long as it is read.
 */
export const ANSWER_MS = 45_000

const LATE = Symbol('late')

/**
 * A request that is never answered would hold its connection, and its client, for ever. A timer of our own, since
 * Fastify's `handlerTimeout` aborts a signal for every request, which costs a tenth of one or more.
 * What else wraps handlers is registered before.
 */
export default fp<{ answerMs?: number }>(
  async (app, { answerMs = ANSWER_MS }) => {
    const limited = (handler: RouteHandlerMethod): RouteHandlerMethod =>
      async function (request, reply) {
        const answer = await within(answerMs, (async () => handler.call(this, request, reply))(), LATE)
        if (answer === LATE)
          throw new KeypostError(
            'unavailable',
            'It took too long, and may happen yet. Send the request again.',
          )
        return answer
      }
    app.addHook('onRoute', (route) => {
      route.handler = limited(route.handler)
    })
  },
  { name: 'timeouts', dependencies: ['problems'] },
)
