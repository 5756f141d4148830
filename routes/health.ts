import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import * as answers from '../src/schemas/answers.js'
import { Alive, type Check, Readiness } from '../src/schemas/health.js'
import { within } from '../src/within.js'

/** A probe that is answered later than this is worth nothing to the one who asks. */
const PROBE_MS = 2000

/** /livez and /readyz. */
const health: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'GET',
    url: '/livez',
    config: { open: true },
    schema: {
      operationId: 'getLiveness',
      summary: 'Tell whether the process answers',
      description: 'Touches nothing else.',
      tags: ['operation'],
      response: { 200: answers.one(Alive, 'It does.'), ...answers.refusalsOfProbes() },
    },
    handler: async () => ({ status: 'ok' as const }),
  })

  app.route({
    method: 'GET',
    url: '/readyz',
    config: { open: true },
    schema: {
      operationId: 'getReadiness',
      summary: 'Tell whether events can be taken and handled',
      description:
        'Reads from the engine, and looks at the last completed poll of this process or, with `SUBSCRIBER=off`, of ' +
        'any other.',
      tags: ['operation'],
      response: {
        ...answers.refusalsOfProbes(),
        200: answers.one(Readiness, 'They can.'),
        503: answers.one(Readiness, 'They cannot, and why.'),
      },
    },
    handler: async (_request, reply) => {
      const [engine, subscriber] = await Promise.all([
        probe(async () => {
          await app.engine.lease(null, [])
          return { ok: true, detail: `${app.engine.name} answers` }
        }),
        probe(async () => app.handling()),
      ])
      const ok = engine.ok && subscriber.ok
      if (!ok) reply.code(503).header('retry-after', 1)
      return { status: ok ? ('ok' as const) : ('unavailable' as const), checks: { engine, subscriber } }
    },
  })
}

async function probe(check: () => Promise<Check>): Promise<Check> {
  try {
    return await within(PROBE_MS, check(), { ok: false, detail: `no answer within ${PROBE_MS} ms` })
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : 'failed' }
  }
}

export default health
