import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RESULTS_TOPIC } from '../src/engines/engine.js'
import { KeypostError } from '../src/errors.js'
import * as answers from '../src/schemas/answers.js'
import { IdParams } from '../src/schemas/common.js'
import { ResultQuery } from '../src/schemas/event-query.js'
import { Result, ResultLines, ResultPage } from '../src/schemas/result.js'

const { refusals } = answers
const tags = ['results']

/** /results: what became of each event. */
const results: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'GET',
    url: '/results',
    schema: {
      operationId: 'listResults',
      summary: 'List results',
      description:
        'Newest first unless `order` is `asc`; `since` ≤ `finishedAt` < `until`.' +
        '\n\nWith `Accept: application/x-ndjson` the whole list comes, without `limit` and `cursor`, an item a line. If its ' +
        'connection ends without the end of the answer, it was not all.',
      tags,
      querystring: ResultQuery,
      response: { 200: answers.listed(ResultPage, ResultLines, 'Results.'), ...refusals('invalid_cursor') },
    },
    handler: ({ query }, reply) => reply.list(query, (query) => app.engine.list('results', query)),
  })

  app.route({
    method: 'GET',
    url: '/results/:id',
    schema: {
      operationId: 'getResult',
      summary: 'Read the result of an event',
      description:
        'By the id of the event. While there is none yet: `result_pending`, and when to ask again.',
      tags,
      params: IdParams,
      response: { 200: answers.one(Result, 'The result.'), ...refusals('result_pending', 'not_found') },
    },
    handler: async ({ params }) => {
      const result = await app.engine.get('results', params.id)
      if (result !== null) return result
      const event = await app.engine.get('events', params.id)
      if (event === null || event.topic === RESULTS_TOPIC) {
        throw new KeypostError('not_found', 'There is no event with this id that could have a result.')
      }
      throw new KeypostError('result_pending', 'The event has not been handled yet.')
    },
  })
}

export default results
