import type { ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import { Outcomes } from '../src/bus/outcomes.js'
import { patienceIn } from '../src/schemas/prefer.js'
import type { Result } from '../src/schemas/result.js'

declare module 'fastify' {
  interface FastifyInstance {
    outcomes: Outcomes
  }
  interface FastifyReply {
    /**
     * The result of an event that the request has published, if its client wants to wait (`Prefer`, RFC 7240) and it
     * comes in time; else null.
     */
    outcomeOf(eventId: string | null): Promise<Result | null>
  }
}

/** Clients that wait for the result of what they publish. */
export default fp(
  async (app) => {
    const outcomes = new Outcomes(app.engine, app.log)
    app.decorate('outcomes', outcomes)
    app.addHook('preClose', async () => outcomes.close())

    app.decorateReply('outcomeOf', async function (eventId) {
      const { prefer } = this.request.headers
      if (eventId === null || prefer === undefined) return null
      const { waitS, respondAsync } = patienceIn(String(prefer))
      const result = waitS === null ? null : await outcomes.of(eventId, waitS * 1000, goneOf(this.raw))
      const applied = [
        ...(respondAsync && result === null ? ['respond-async'] : []),
        ...(waitS === null ? [] : [`wait=${waitS}`]),
      ]
      if (applied.length > 0) this.header('preference-applied', applied.join(', '))
      return result
    })
  },
  { name: 'prefer', dependencies: ['engine'] },
)

/** Aborts when the client has gone away, or has its answer. */
function goneOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  if (response.closed) gone.abort()
  else response.once('close', () => gone.abort())
  return gone.signal
}
