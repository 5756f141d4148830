import type { Profile } from '../schemas/profile.js'
import type { ProfileInput, ProfilePatch } from '../schemas/profile-input.js'
import type { Context, Decision } from './context.js'
import { profileEvent } from './events.js'
import { placementFor, placementOf, timeOf } from './ids.js'
import { changedFields, patchMetadata } from './patch.js'

/** Emails are one if they are equal in lower case. */
export const emailClaim = (email: string): string => `email:${email.toLowerCase()}`

/** Where the claim on an email lives: a profile is created beside it. */
export const emailPlacement = (email: string, placementKey: string): number =>
  placementFor(placementKey, emailClaim(email))

/** Who claims an email: a profile, by one attempt to write it, so that two attempts never look alike. */
export const claimant = (profileId: string, operationId: string): string => `${profileId}/${operationId}`

export function parseClaimant(value: string): { profileId: string; operationId: string } {
  const [profileId = '', operationId = ''] = value.split('/')
  return { profileId, operationId }
}

/** `found`: what the claim on the email is now, null if it is free; it is taken over by its exact value. */
export function createProfile(
  id: string,
  input: ProfileInput,
  found: string | null,
  context: Context,
): Decision<Profile> {
  const profile: Profile = {
    id,
    name: input.name,
    email: input.email,
    metadata: input.metadata ?? {},
    version: 1,
    createdAt: timeOf(id),
    updatedAt: timeOf(id),
  }
  return {
    record: profile,
    change: {
      operationId: id,
      placement: placementOf(id),
      claims: [{ name: emailClaim(input.email), from: found, to: claimant(id, id) }],
      writes: [{ kind: 'profiles', before: null, after: profile }],
      events: [profileEvent('profile.created', profile, context)],
    },
  }
}

export const newProfileId = (input: ProfileInput, { newId, placementKey }: Context): string =>
  newId('record', emailPlacement(input.email, placementKey))

export const replaceProfile = (
  before: Profile,
  input: ProfileInput,
  operationId: string,
  context: Context,
): Decision<Profile> =>
  change(
    before,
    { name: input.name, email: input.email, metadata: input.metadata ?? {} },
    operationId,
    context,
  )

export const updateProfile = (
  before: Profile,
  patch: ProfilePatch,
  operationId: string,
  context: Context,
): Decision<Profile> =>
  change(
    before,
    {
      name: patch.name ?? before.name,
      email: patch.email ?? before.email,
      metadata: patchMetadata(before.metadata, patch.metadata),
    },
    operationId,
    context,
  )

export const deleteProfile = (before: Profile, operationId: string, context: Context): Decision<Profile> => ({
  record: before,
  change: {
    operationId,
    placement: placementOf(before.id),
    writes: [{ kind: 'profiles', before, after: null }],
    events: [profileEvent('profile.deleted', before, context)],
  },
})

function change(
  before: Profile,
  fields: Pick<Profile, 'name' | 'email' | 'metadata'>,
  operationId: string,
  context: Context,
): Decision<Profile> {
  const after: Profile = {
    ...before,
    ...fields,
    version: before.version + 1,
    updatedAt: context.now.toISOString(),
  }
  const changed = changedFields(before, after, ['name', 'email', 'metadata'])
  return {
    record: after,
    change: {
      operationId,
      placement: placementOf(before.id),
      writes: [{ kind: 'profiles', before, after }],
      events: [profileEvent('profile.updated', after, context, changed)],
    },
  }
}
