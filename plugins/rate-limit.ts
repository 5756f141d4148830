import { isIP } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../src/config.js'
import { redisRates } from '../src/engines/redis/rates.js'
import { KeypostError } from '../src/errors.js'
import { networkOf } from '../src/network.js'
import { Rates, type Standing } from '../src/rates.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** null: no limit. */
    rates: Rates | null
  }
  interface FastifyRequest {
    isCounted: boolean
  }
}

const WINDOW_SECONDS = 60

/**
 * `RATE_LIMIT`, before anybody looks at tokens: an address that has used up its requests, if only by failing to
 * authenticate, is refused whatever it brings. Else tokens could be tried out at any speed.
 */
export const addressLimit = fp<Config>(
  async (app, { rateLimit }) => {
    const shared = rateLimit !== null && app.redis ? redisRates(app.redis, rateLimit, WINDOW_SECONDS) : null
    const onPause = (reason: string) => app.log.debug({ reason }, 'this process counts requests by itself')
    const rates = rateLimit === null ? null : new Rates(rateLimit, WINDOW_SECONDS, shared, onPause)
    app.decorate('rates', rates)
    app.decorateRequest('isCounted', false)
    if (rates === null) return

    app.addHook('onRequest', async (request, reply) => {
      request.isCounted = UNLIMITED.has(request.routeOptions.url ?? '')
      const refused = request.isCounted ? null : await rates.refused(addressOf(request))
      if (refused === null) return
      request.isCounted = true
      tell(reply, rates.points, refused)
    })
    // What was refused before it was known whose it is counts for its address.
    app.addHook('onResponse', async (request) => {
      if (!request.isCounted) await rates.count(addressOf(request))
    })
  },
  { name: 'address-limit', dependencies: ['redis', 'problems'] },
)

/** `RATE_LIMIT`, once it is known whose a request is: by the name of its token, else by its address. */
export const clientLimit = fp(
  async (app) => {
    const { rates } = app
    if (rates === null) return
    app.addHook('onRequest', async (request, reply) => {
      if (request.isCounted) return
      request.isCounted = true
      const { client } = request
      // Names and addresses must not be taken for each other.
      const who = client === null ? addressOf(request) : `token:${client.name}`
      tell(reply, rates.points, await rates.count(who))
    })
  },
  { name: 'client-limit', dependencies: ['address-limit', 'auth'] },
)

/** A supervisor that is refused would end a process that is only busy. */
const UNLIMITED = new Set(['/livez', '/readyz'])

/**
 * As draft-ietf-httpapi-ratelimit-headers has it.
 * @throws rate_limited
 */
function tell(reply: FastifyReply, points: number, { allowed, left, resetMs }: Standing): void {
  const seconds = Math.max(1, Math.ceil(resetMs / 1000))
  reply.headers({
    'ratelimit-policy': `"default";q=${points};w=${WINDOW_SECONDS}`,
    ratelimit: `"default";r=${left};t=${seconds}`,
  })
  if (allowed) return
  reply.header('retry-after', seconds)
  throw new KeypostError('rate_limited', 'Retry-After says when requests are answered again.')
}

/** What a proxy forwards need not be an address; then it is the proxy's that counts. */
const addressOf = ({ ip, socket }: FastifyRequest): string =>
  `address:${networkOf(isIP(ip) === 0 ? (socket.remoteAddress ?? '') : ip)}`
