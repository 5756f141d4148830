import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

/** Answers are data: nothing in them may run, and no page may frame them. */
const NOTHING = { 'default-src': ["'none'"], 'base-uri': ["'none'"], 'frame-ancestors': ["'none'"] }

/** Swagger UI runs its own scripts and asks this service; it writes styles into its elements. */
const SWAGGER_UI = {
  ...NOTHING,
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'form-action': ["'self'"],
}

const policy = (directives: Record<string, string[]>) => ({ useDefaults: false, directives })

/** Whether a route is of Swagger UI, which is a page with files, open to everyone. */
export const isOfDocs = (url: string): boolean => /^\/docs(\/|$)/.test(url)

/** Tells browsers what they may do with an answer: nothing, but with `/docs`, which is a page. */
export default fp(
  async (app) => {
    app.addHook('onRoute', (route) => {
      if (isOfDocs(route.url)) route.helmet ??= { contentSecurityPolicy: policy(SWAGGER_UI) }
    })
    await app.register(helmet, {
      contentSecurityPolicy: policy(NOTHING),
      xFrameOptions: { action: 'deny' },
      // TLS ends at the proxy in front: that a name is for TLS alone, for a year, is for it to say.
      strictTransportSecurity: false,
    })
  },
  { name: 'helmet' },
)
