import { performance } from 'node:perf_hooks'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import * as answers from '../src/schemas/answers.js'
import { Exposition } from '../src/schemas/metrics.js'
import { within } from '../src/within.js'

/** Prometheus waits 10 s by default; an engine that is out of reach must not keep the rest from it. */
const ENGINE_MS = 2000

/** /metrics */
const metrics: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'GET',
    url: '/metrics',
    schema: {
      operationId: 'getMetrics',
      summary: 'Read metrics',
      description:
        'For Prometheus. Those named `keypost_engine_…` are of the data, and the same for every process that shares it; the ' +
        'others are of the process that answers, since it started.',
      tags: ['operation'],
      response: {
        200: { description: 'As of now.', content: { 'text/plain': { schema: Exposition } } },
        ...answers.refusals(),
      },
    },
    handler: async (_request, reply) => {
      const started = performance.now()
      const counted = app.engine.stats().catch(() => null)
      const stats = await within(ENGINE_MS, counted, null)
      reply.type(app.metrics.contentType)
      return app.metrics.text(stats, performance.now() - started)
    },
  })
}

export default metrics
