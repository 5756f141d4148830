import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { etag } from '../plugins/conditions.js'
import { throughOutage } from '../src/bus/follow.js'
import { KeypostError } from '../src/errors.js'
import * as answers from '../src/schemas/answers.js'
import { IdParams } from '../src/schemas/common.js'
import { IfMatch, IfNoneMatch } from '../src/schemas/conditions.js'
import { Key, KeyPage } from '../src/schemas/key.js'
import { KeyPatch, KeySubmission } from '../src/schemas/key-input.js'
import { KeyQuery } from '../src/schemas/key-query.js'
import { Prefer } from '../src/schemas/prefer.js'

const { refusals, bodyRefusals } = answers
const tags = ['keys']

/** /keys: submitted keys. */
const keys: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'POST',
    url: '/keys',
    schema: {
      operationId: 'submitKey',
      summary: 'Submit a key',
      description:
        'The raw key is reduced to a fingerprint and a mask at once. The answer is `pending`; what became of it ' +
        'is the result of the event that `Keypost-Event-Id` names. With `Prefer: wait=N` the answer waits for it.',
      tags,
      headers: Prefer,
      body: KeySubmission,
      response: {
        201: answers.preferred(answers.created(Key, 'The key, now that its event has a result.')),
        202: answers.preferred(answers.created(Key, 'The key is kept, and will be handled.')),
        ...refusals('key_in_metadata', 'conflict', 'backlog_full', ...bodyRefusals),
      },
    },
    handler: async ({ body, operation }, reply) => {
      const published = await app.publisher.submitKey(body, operation)
      const { id } = published.record
      reply.code(202).header('location', `/keys/${id}`)
      const result = await reply.outcomeOf(published.eventId)
      const key = result && (await throughOutage(() => app.engine.get('keys', id)))
      if (key === null) return reply.published(published)
      return reply.code(201).published({ ...published, record: key })
    },
  })

  app.route({
    method: 'GET',
    url: '/keys',
    schema: {
      operationId: 'listKeys',
      summary: 'List keys',
      description: 'Newest first; with `expiresBefore` those that expire soonest first.',
      tags,
      querystring: KeyQuery,
      response: { 200: answers.page(KeyPage, 'A page of keys.'), ...refusals('invalid_cursor') },
    },
    handler: async ({ query }, reply) => reply.page(await app.engine.list('keys', { limit: 50, ...query })),
  })

  app.route({
    method: 'GET',
    url: '/keys/:id',
    schema: {
      operationId: 'getKey',
      summary: 'Read a key',
      description: 'With `If-None-Match` 304 if the client has this version already.',
      tags,
      params: IdParams,
      headers: IfNoneMatch,
      response: {
        200: answers.record(Key, 'The key.'),
        304: answers.notModified,
        ...refusals('not_found'),
      },
    },
    handler: async (request, reply) => {
      const key = await app.engine.get('keys', request.params.id)
      if (key === null) throw new KeypostError('not_found', 'There is no key with this id.')
      reply.header('etag', etag(key.version))
      return request.hasVersion(key.version) ? reply.code(304).send() : key
    },
  })

  app.route({
    method: 'PATCH',
    url: '/keys/:id',
    schema: {
      operationId: 'updateKey',
      summary: 'Change a key',
      description: 'A JSON merge patch (RFC 7396): null takes a value away.',
      tags,
      consumes: ['application/merge-patch+json', 'application/json'],
      params: IdParams,
      headers: IfMatch,
      body: KeyPatch,
      response: {
        200: answers.changed(Key, 'The key, changed.'),
        ...refusals(
          'not_found',
          'version_mismatch',
          'key_in_metadata',
          'conflict',
          'backlog_full',
          ...bodyRefusals,
        ),
      },
    },
    handler: async (request, reply) =>
      reply.published(await app.publisher.updateKey(request.params.id, request.body, request.ifMatch())),
  })

  app.route({
    method: 'POST',
    url: '/keys/:id/revoke',
    schema: {
      operationId: 'revokeKey',
      summary: 'Revoke a key',
      description: 'Its fingerprint is free then. Revoking a revoked key changes nothing.',
      tags,
      params: IdParams,
      headers: IfMatch,
      response: {
        200: answers.changed(Key, 'The key, revoked.'),
        ...refusals('not_found', 'version_mismatch', 'conflict', 'backlog_full', ...bodyRefusals),
      },
    },
    handler: async (request, reply) =>
      reply.published(await app.publisher.revokeKey(request.params.id, request.ifMatch(), request.operation)),
  })

  app.route({
    method: 'DELETE',
    url: '/keys/:id',
    schema: {
      operationId: 'deleteKey',
      summary: 'Delete a key',
      description: 'Its fingerprint is free then; its events and results stay.',
      tags,
      params: IdParams,
      headers: IfMatch,
      response: {
        204: answers.deleted,
        ...refusals('not_found', 'version_mismatch', 'conflict', 'backlog_full', ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      reply.published(await app.publisher.deleteKey(request.params.id, request.ifMatch()))
      return reply.code(204).removeHeader('etag').send()
    },
  })
}

export default keys
