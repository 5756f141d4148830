import fp from 'fastify-plugin'

/** Records change under their readers, and answers are nobody else's business: no cache may keep them. */
export default fp(
  async (app) => {
    app.addHook('onRequest', async (request, reply) => {
      const isAsset = request.routeOptions.url?.startsWith('/docs') ?? false
      if (!isAsset) reply.header('cache-control', 'no-store')
    })
  },
  { name: 'cache-control' },
)
