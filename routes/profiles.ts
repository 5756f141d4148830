import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { etag } from '../plugins/conditions.js'
import { KeypostError } from '../src/errors.js'
import * as answers from '../src/schemas/answers.js'
import { IdParams } from '../src/schemas/common.js'
import { IfMatch, IfNoneMatch } from '../src/schemas/conditions.js'
import { Profile, ProfilePage } from '../src/schemas/profile.js'
import { ProfileInput, ProfilePatch } from '../src/schemas/profile-input.js'
import { ProfileQuery } from '../src/schemas/profile-query.js'

const { refusals, bodyRefusals } = answers
const tags = ['profiles']

/** Of what changes a profile by a body. */
const changeRefusals = refusals(
  'not_found',
  'version_mismatch',
  'email_taken',
  'conflict',
  'backlog_full',
  ...bodyRefusals,
)

/** /profiles: whom keys belong to. */
const profiles: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'POST',
    url: '/profiles',
    schema: {
      operationId: 'createProfile',
      summary: 'Create a profile',
      description: 'An email that another profile has is a 409, whatever its letter case.',
      tags,
      body: ProfileInput,
      response: {
        201: answers.created(Profile, 'The profile.'),
        ...refusals('email_taken', 'conflict', 'backlog_full', ...bodyRefusals),
      },
    },
    handler: async ({ body, operation }, reply) => {
      const published = await app.publisher.createProfile(body, operation)
      reply.code(201).header('location', `/profiles/${published.record.id}`)
      return reply.published(published)
    },
  })

  app.route({
    method: 'GET',
    url: '/profiles',
    schema: {
      operationId: 'listProfiles',
      summary: 'List profiles',
      description: 'Newest first. `email` is compared without regard to letter case.',
      tags,
      querystring: ProfileQuery,
      response: { 200: answers.page(ProfilePage, 'A page of profiles.'), ...refusals('invalid_cursor') },
    },
    handler: async ({ query }, reply) =>
      reply.page(
        await app.engine.list('profiles', { limit: 50, ...query, email: query.email?.toLowerCase() }),
      ),
  })

  app.route({
    method: 'GET',
    url: '/profiles/:id',
    schema: {
      operationId: 'getProfile',
      summary: 'Read a profile',
      description: 'With `If-None-Match` 304 if the client has this version already.',
      tags,
      params: IdParams,
      headers: IfNoneMatch,
      response: {
        200: answers.record(Profile, 'The profile.'),
        304: answers.notModified,
        ...refusals('not_found'),
      },
    },
    handler: async (request, reply) => {
      const profile = await app.engine.get('profiles', request.params.id)
      if (profile === null) throw new KeypostError('not_found', 'There is no profile with this id.')
      reply.header('etag', etag(profile.version))
      return request.hasVersion(profile.version) ? reply.code(304).send() : profile
    },
  })

  app.route({
    method: 'PUT',
    url: '/profiles/:id',
    schema: {
      operationId: 'replaceProfile',
      summary: 'Replace a profile',
      description:
        'What is left out is empty then. There is none to be made this way: an unknown id is a 404.',
      tags,
      params: IdParams,
      headers: IfMatch,
      body: ProfileInput,
      response: {
        200: answers.changed(Profile, 'The profile, replaced.'),
        ...changeRefusals,
      },
    },
    handler: async (request, reply) =>
      reply.published(await app.publisher.replaceProfile(request.params.id, request.body, request.ifMatch())),
  })

  app.route({
    method: 'PATCH',
    url: '/profiles/:id',
    schema: {
      operationId: 'updateProfile',
      summary: 'Change a profile',
      description: 'A JSON merge patch (RFC 7396): null takes a value away.',
      tags,
      consumes: ['application/merge-patch+json', 'application/json'],
      params: IdParams,
      headers: IfMatch,
      body: ProfilePatch,
      response: {
        200: answers.changed(Profile, 'The profile, changed.'),
        ...changeRefusals,
      },
    },
    handler: async (request, reply) =>
      reply.published(await app.publisher.updateProfile(request.params.id, request.body, request.ifMatch())),
  })

  app.route({
    method: 'DELETE',
    url: '/profiles/:id',
    schema: {
      operationId: 'deleteProfile',
      summary: 'Delete a profile',
      description: 'Its keys are revoked soon after, when the event is handled.',
      tags,
      params: IdParams,
      headers: IfMatch,
      response: {
        204: answers.deleted,
        ...refusals('not_found', 'version_mismatch', 'conflict', 'backlog_full', ...bodyRefusals),
      },
    },
    handler: async (request, reply) => {
      reply.published(await app.publisher.deleteProfile(request.params.id, request.ifMatch()))
      return reply.code(204).removeHeader('etag').send()
    },
  })
}

export default profiles
