import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { hoist, mark, share } from '../src/openapi.js'
import { complete, refusalName } from '../src/openapi-answers.js'
import { version } from '../src/version.js'
import { isOfDocs } from './helmet.js'

/** The OpenAPI document at /openapi.json, and Swagger UI, which fetches nothing from elsewhere, at /docs. */
export default fp(
  async (app) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.1',
        info: {
          title: 'Keypost',
          version,
          description:
            'POST a key or change a profile: the record and its event are one atomic write, and exactly one ' +
            'result of that event can be read afterwards.',
          license: { name: 'MIT', identifier: 'MIT' },
          contact: { name: 'Whoever runs this Keypost' },
        },
        servers: [{ url: '/', description: 'Where this document is from.' }],
        components: {
          securitySchemes: {
            bearer: {
              type: 'http',
              scheme: 'bearer',
              description:
                'A token of `API_TOKENS`, if the service has any. Each operation says which scope of `read`, `write` ' +
                'and `admin` it takes; none includes another.',
            },
          },
        },
        tags: [
          { name: 'keys', description: 'Submitted keys: their fingerprints, masks and fate.' },
          { name: 'profiles', description: 'Whom keys belong to.' },
          { name: 'results', description: 'What became of each event.' },
          { name: 'events', description: 'What happened, as CloudEvents.' },
          {
            name: 'dead letters',
            description: 'Events that could not be handled, and how to handle them again.',
          },
          { name: 'replays', description: 'Past events on their way to their handlers again.' },
          { name: 'operation', description: 'How Keypost itself is doing.' },
        ],
      },
      transform: ({ schema, url }) => ({ schema: mark(schema ?? { hide: true }), url }),
      transformObject: (document) => {
        const whole = hoist(complete('openapiObject' in document ? document.openapiObject : {}))
        return share(share(share(whole, 'responses', refusalName), 'headers'), 'examples')
      },
    })
    // Whoever may see them learns nothing of the data: they come with the source.
    app.addHook('onRoute', (route) => {
      if (isOfDocs(route.url)) route.config = { ...route.config, open: true }
    })
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: {
        validatorUrl: null,
        displayRequestDuration: true,
        tryItOutEnabled: false,
        persistAuthorization: false,
      },
    })
    app.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, async () => app.swagger())
  },
  { name: 'swagger' },
)
