import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { DeadLetters } from '../src/bus/dead-letters.js'
import * as answers from '../src/schemas/answers.js'
import { IdParams } from '../src/schemas/common.js'
import { DeadLetter, DeadLetterPage, Redrive, Redriven, RedriveReport } from '../src/schemas/dead-letter.js'
import { EventQuery } from '../src/schemas/event-query.js'

const { refusals, bodyRefusals } = answers
const tags = ['dead letters']

/** /dead-letters: events that could not be handled. */
const deadLetters: FastifyPluginAsyncTypebox = async (app) => {
  const letters = new DeadLetters(app.engine)

  app.route({
    method: 'GET',
    url: '/dead-letters',
    schema: {
      operationId: 'listDeadLetters',
      summary: 'List dead letters',
      description: 'Newest first unless `order` is `asc`; `since` ≤ `diedAt` < `until`.',
      tags,
      querystring: EventQuery,
      response: {
        200: answers.page(DeadLetterPage, 'A page of dead letters.'),
        ...refusals('invalid_cursor'),
      },
    },
    handler: async ({ query }, reply) => reply.page(await letters.list({ limit: 50, ...query })),
  })

  app.route({
    method: 'GET',
    url: '/dead-letters/:id',
    schema: {
      operationId: 'getDeadLetter',
      summary: 'Read a dead letter',
      description: 'By the id of the event.',
      tags,
      params: IdParams,
      response: { 200: answers.one(DeadLetter, 'The dead letter.'), ...refusals('not_found') },
    },
    handler: ({ params }) => letters.read(params.id),
  })

  app.route({
    method: 'POST',
    url: '/dead-letters/:id/redrive',
    config: { scope: 'admin' },
    schema: {
      operationId: 'redriveDeadLetter',
      summary: 'Handle a dead letter again',
      description: 'With all its attempts. The new result says which one it replaces.',
      tags,
      params: IdParams,
      response: {
        202: answers.accepted(Redriven, 'It will be handled.'),
        ...refusals('not_found', 'not_dead', 'event_lost', 'conflict', ...bodyRefusals),
      },
    },
    handler: async ({ params, operation }, reply) => {
      const redriven = await letters.redrive(params.id, operation)
      reply.code(202).header('location', `/results/${params.id}`)
      return redriven
    },
  })

  app.route({
    method: 'POST',
    url: '/dead-letters/redrive',
    config: { scope: 'admin' },
    schema: {
      operationId: 'redriveDeadLetters',
      summary: 'Handle many dead letters again',
      description:
        'All that match, at most 10,000 a request; what dies again meanwhile stays dead. `dryRun` counts first.',
      tags,
      body: Redrive,
      response: {
        200: answers.one(RedriveReport, 'What was found and done.'),
        ...refusals(...bodyRefusals),
      },
    },
    handler: ({ body, operation }) => letters.redriveAll(body, operation),
  })

  app.route({
    method: 'DELETE',
    url: '/dead-letters/:id',
    config: { scope: 'admin' },
    schema: {
      operationId: 'discardDeadLetter',
      summary: 'Discard a dead letter',
      description: 'Its result stays, and it stays counted as dead; it is counted as discarded too.',
      tags,
      params: IdParams,
      response: {
        204: { type: 'null', description: 'It is no dead letter any more.' },
        ...refusals('not_found', 'event_lost', 'conflict', ...bodyRefusals),
      },
    },
    handler: async ({ params, operation }, reply) => {
      await letters.discard(params.id, operation)
      return reply.code(204).send(null)
    },
  })
}

export default deadLetters
