import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Replays } from '../src/bus/replays.js'
import * as answers from '../src/schemas/answers.js'
import { IdParams } from '../src/schemas/common.js'
import { Replay, ReplayInput, ReplayList } from '../src/schemas/replay.js'

const { refusals, bodyRefusals } = answers
const tags = ['replays']

/** /replays: past events, handed to their handlers again. */
const replays: FastifyPluginAsyncTypebox = async (app) => {
  const jobs = new Replays(app.engine)

  app.route({
    method: 'POST',
    url: '/replays',
    config: { scope: 'admin' },
    schema: {
      operationId: 'createReplay',
      summary: 'Handle past events again',
      description:
        'Those that were processed, oldest first, so many a second as the configuration says. Dead ones are for ' +
        'a redrive. Each new result says which one it replaces.',
      tags,
      body: ReplayInput,
      response: {
        202: answers.accepted(Replay, 'The replay, which begins soon.'),
        ...refusals('conflict', ...bodyRefusals),
      },
    },
    handler: async ({ body, operation }, reply) => {
      const replay = await jobs.create(body, operation)
      reply.code(202).header('location', `/replays/${replay.id}`)
      return replay
    },
  })

  app.route({
    method: 'GET',
    url: '/replays',
    schema: {
      operationId: 'listReplays',
      summary: 'List replays',
      description: 'Newest first: all that run, and those that ended last, for at most 7 days.',
      tags,
      response: { 200: answers.one(ReplayList, 'The replays.'), ...refusals() },
    },
    handler: async () => ({ items: await jobs.list() }),
  })

  app.route({
    method: 'GET',
    url: '/replays/:id',
    schema: {
      operationId: 'getReplay',
      summary: 'Read the progress of a replay',
      description: 'For at most 7 days after it ended.',
      tags,
      params: IdParams,
      response: { 200: answers.one(Replay, 'The replay.'), ...refusals('not_found') },
    },
    handler: ({ params }) => jobs.read(params.id),
  })

  app.route({
    method: 'DELETE',
    url: '/replays/:id',
    config: { scope: 'admin' },
    schema: {
      operationId: 'cancelReplay',
      summary: 'Cancel a replay',
      description: 'What was handed out stays so. Cancelling one that ended changes nothing.',
      tags,
      params: IdParams,
      response: {
        200: answers.one(Replay, 'The replay, ended.'),
        ...refusals('not_found', 'conflict', ...bodyRefusals),
      },
    },
    handler: ({ params }) => jobs.cancel(params.id),
  })
}

export default replays
