import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { KeypostError } from '../src/errors.js'
import { pathOf } from './protocol.js'

/**
 * Tells a path that exists from one that does not: a wrong method on a known path is answered with 405 and
 * `Allow` (RFC 9110 §15.5.6), OPTIONS with the same list. Must be registered before the routes.
 */
export default fp(
  async (app) => {
    const paths = new Map<string, { matches: RegExp; methods: Set<string> }>()

    app.addHook('onRoute', ({ url, method }) => {
      if (url === '*') return
      const path = paths.get(url) ?? { matches: matcher(url), methods: new Set(['OPTIONS']) }
      for (const name of [method].flat()) path.methods.add(name)
      paths.set(url, path)
    })

    app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
      // Any other OPTIONS than a preflight comes here too, where plugins/cors.ts has a route for all of them.
      if (!request.is404 && request.method !== 'OPTIONS') return
      // As the router reads it, so that each spelling has its methods; plugins/protocol.ts lets pass what can be decoded.
      const path = decodeURI(pathOf(request.url))
      // A path may fit several: /dead-letters/redrive is one of its own, and could be a /dead-letters/:id.
      const known = [...paths.values()].filter(({ matches }) => matches.test(path))
      const methods = new Set(known.flatMap((each) => [...each.methods]))
      if (methods.size === 0 || methods.has(withoutOptions(request.method))) throw notFound()
      reply.header('allow', [...methods].sort().join(', '))
      if (request.method === 'OPTIONS') return reply.code(204).send()
      throw new KeypostError('method_not_allowed', 'Allow lists the methods of this path.')
    })

    // For files of Swagger UI that are not there: a route matches, and then finds nothing.
    app.setNotFoundHandler(async () => {
      throw notFound()
    })
  },
  { name: 'methods' },
)

const notFound = (): KeypostError => new KeypostError('not_found', 'There is nothing at this path.')

/** OPTIONS has no route of its own: it is answered here. */
const withoutOptions = (method: string): string => (method === 'OPTIONS' ? '' : method)

/** `/keys/:id` as a pattern of paths. */
const matcher = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replace(/[.]/g, '\\.')
      .replace(/:[^/]+/g, '[^/]+')
      .replace(/\*/g, '.*')}$`,
  )
