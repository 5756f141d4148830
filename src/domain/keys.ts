import { KeypostError } from '../errors.js'
import type { Metadata } from '../schemas/common.js'
import type { Key } from '../schemas/key.js'
import type { KeyPatch, KeySubmission } from '../schemas/key-input.js'
import type { Change, Claim } from './change.js'
import type { Context, Decision } from './context.js'
import { keyEvent } from './events.js'
import { placementFor, placementOf, timeOf } from './ids.js'
import { changedFields, patchMetadata } from './patch.js'
import { clean, fingerprint, mask } from './secrets.js'

/**
 * A key's life: `pending` until its `key.submitted` is handled, then `accepted`, `duplicate` or `rejected`
 * (handlers/key-submitted.ts). Any of these can become `revoked`, by a request or because its profile is gone.
 *
 * The claim on a fingerprint belongs to the first key that was committed with it, as long as that key is
 * pending or accepted.
 */
const claimName = (fingerprint: string): string => `fingerprint:${fingerprint}`
const holdsClaim = (key: Key): boolean =>
  key.duplicateOf === null && (key.status === 'pending' || key.status === 'accepted')
export const releaseFingerprint = (key: Key): Claim[] =>
  holdsClaim(key) ? [{ name: claimName(key.fingerprint), from: key.id, to: null }] : []

/** What is kept of a submission. The raw key ends here. */
export function receiveKey(input: KeySubmission, context: Context): Key {
  const { raw, warnings } = clean(input.key)
  if (raw === '') {
    throw new KeypostError('invalid_request', 'The key is empty.', [
      { in: 'body', pointer: '/key', message: 'must hold more than white space and quotes' },
    ])
  }
  refuseLeaks(input, (text) => text.includes(raw))
  const print = fingerprint(raw, context.pepper)
  const id = context.newId('record', placementFor(context.placementKey, claimName(print)))
  return {
    id,
    name: input.name,
    status: 'pending',
    masked: mask(raw),
    fingerprint: print,
    provider: null,
    format: null,
    reasons: [],
    warnings,
    duplicateOf: null,
    profileId: input.profileId ?? null,
    expiresAt: toUtc(input.expiresAt),
    metadata: input.metadata ?? {},
    version: 1,
    createdAt: timeOf(id),
    updatedAt: timeOf(id),
  }
}

/** Submits a key that was received; `original` is the key that holds its fingerprint, if one does. */
export function submitKey(received: Key, original: string | null, context: Context): Decision<Key> {
  const key: Key = { ...received, duplicateOf: original }
  return {
    record: key,
    change: {
      operationId: key.id,
      placement: placementOf(key.id),
      claims: [{ name: claimName(key.fingerprint), from: original, to: original ?? key.id }],
      writes: [{ kind: 'keys', before: null, after: key }],
      events: [keyEvent('key.submitted', key, context)],
    },
  }
}

export function updateKey(key: Key, patch: KeyPatch, operationId: string, context: Context): Decision<Key> {
  refuseLeaks(patch, (text) => leaks(text, key.fingerprint, context.pepper))
  const after: Key = {
    ...next(key, context),
    name: patch.name ?? key.name,
    profileId: patch.profileId === undefined ? key.profileId : patch.profileId,
    expiresAt: patch.expiresAt === undefined ? key.expiresAt : toUtc(patch.expiresAt),
    metadata: patchMetadata(key.metadata, patch.metadata),
  }
  const changed = changedFields(key, after, ['name', 'profileId', 'expiresAt', 'metadata'])
  return {
    record: after,
    change: {
      ...changeOf(key, after, operationId),
      events: [keyEvent('key.updated', after, context, changed)],
    },
  }
}

/** Revoking what is revoked changes nothing. `reason`: why, if not by a request. */
export function revokeKey(
  key: Key,
  operationId: string,
  context: Context,
  reason?: 'profile_deleted' | 'profile_not_found',
): Decision<Key> {
  if (key.status === 'revoked') return { record: key, change: null }
  const reasons = reason === undefined ? key.reasons : [...key.reasons, reason]
  const after: Key = { ...next(key, context), status: 'revoked', reasons }
  return {
    record: after,
    change: {
      ...changeOf(key, after, operationId),
      events: [keyEvent('key.revoked', after, context)],
    },
  }
}

export const deleteKey = (key: Key, operationId: string, context: Context): Decision<Key> => ({
  record: key,
  change: {
    operationId,
    placement: placementOf(key.id),
    claims: releaseFingerprint(key),
    writes: [{ kind: 'keys', before: key, after: null }],
    events: [keyEvent('key.deleted', key, context)],
  },
})

/** How a pending key is settled; only a key that is not accepted lets its fingerprint go. */
export function settleKey(
  key: Key,
  status: 'accepted' | 'duplicate' | 'rejected',
  reasons: string[],
  now: Date,
) {
  const after: Key = { ...next(key, { now }), status, reasons }
  return {
    claims: status === 'rejected' ? releaseFingerprint(key) : [],
    writes: [{ kind: 'keys' as const, before: key, after }],
  }
}

const next = (key: Key, { now }: { now: Date }): Key => ({
  ...key,
  version: key.version + 1,
  updatedAt: now.toISOString(),
})

const changeOf = (before: Key, after: Key, operationId: string): Change => ({
  operationId,
  placement: placementOf(before.id),
  claims: holdsClaim(after) ? [] : releaseFingerprint(before),
  writes: [{ kind: 'keys', before, after }],
})

const toUtc = (time: string | null | undefined): string | null =>
  time === null || time === undefined ? null : new Date(time).toISOString()

/** Refuses a name or metadata in which `leaks` finds the key: both are stored and published as they are. */
function refuseLeaks(
  input: {
    name?: string | undefined
    metadata?: Metadata | Record<string, string | null> | null | undefined
  },
  leaks: (text: string) => boolean,
): void {
  const places: string[] = []
  if (input.name !== undefined && leaks(input.name)) places.push('/name')
  const entries = Object.entries(input.metadata ?? {}).flat()
  if (entries.some((text) => text !== null && leaks(text))) places.push('/metadata')
  if (places.length === 0) return
  throw new KeypostError(
    'key_in_metadata',
    'The name and the metadata are stored and published, so they must not contain the key.',
    places.map((pointer) => ({ in: 'body', pointer, message: 'contains the key' })),
  )
}

/** Later only the fingerprint is left to compare with: whole texts and their words are tried. */
const leaks = (text: string, print: string, pepper: string): boolean =>
  [text, ...text.split(/[\s,;:='"]+/)].some(
    (part) => part !== '' && fingerprint(clean(part).raw, pepper) === print,
  )
