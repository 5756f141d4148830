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
 * pending or accepted. With several peppers there are more claims, as long: see bus/originals.ts.
 */
export const fingerprintClaim = (fingerprint: string): string => `fingerprint:${fingerprint}`
export const holdsClaim = (key: Key): boolean =>
  key.duplicateOf === null && (key.status === 'pending' || key.status === 'accepted')

/** A key's fingerprints under all peppers, in an order that every process with the same peppers comes to. */
export type Fingerprints = [string, ...string[]]

/** The claim that keeps the fingerprints of a key under all peppers, until it ends. */
export const fingerprintsClaim = (id: string): string => `fingerprints:${id}`
export const fingerprintsIn = (value: string): Fingerprints => value.split(' ') as Fingerprints
/** The claim on being the original, for which keys with these fingerprints compete. */
export const originalClaim = ([first]: Fingerprints): string => `original:${first}`

const keepFingerprints = (id: string, prints: Fingerprints): Claim => ({
  name: fingerprintsClaim(id),
  from: null,
  to: prints.join(' '),
})

/** What a key gives back when it ends. `prints`: those that are kept of it, if it was received under several peppers. */
const releases = (key: Key, prints: Fingerprints | null): Claim[] => [
  ...(holdsClaim(key) ? [{ name: fingerprintClaim(key.fingerprint), from: key.id, to: null }] : []),
  ...(prints === null ? [] : [{ ...keepFingerprints(key.id, prints), from: prints.join(' '), to: null }]),
]

export interface Received {
  key: Key
  /** null: there is one pepper. */
  prints: Fingerprints | null
}

/** What is kept of a submission. The raw key ends here. */
export function receiveKey(input: KeySubmission, context: Context): Received {
  const { raw, warnings } = clean(input.key)
  if (raw === '') {
    throw new KeypostError('invalid_request', 'The key is empty.', [
      { in: 'body', pointer: '/key', message: 'must hold more than white space and quotes' },
    ])
  }
  refuseLeaks(input, (text) => text.includes(raw))
  const [print, ...others] = context.peppers.map((pepper) => fingerprint(raw, pepper)) as Fingerprints
  const id = context.newId('record', placementFor(context.placementKey, fingerprintClaim(print)))
  const key: Key = {
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
  return { key, prints: others.length === 0 ? null : ([print, ...others].sort() as Fingerprints) }
}

/** Submits a key that was received; `original` is the key that holds its fingerprint, if one does. */
export function submitKey(received: Received, original: string | null, context: Context): Decision<Key> {
  const key: Key = { ...received.key, duplicateOf: original }
  return {
    record: key,
    change: {
      operationId: key.id,
      placement: placementOf(key.id),
      claims: [
        { name: fingerprintClaim(key.fingerprint), from: original, to: original ?? key.id },
        ...(received.prints === null ? [] : [keepFingerprints(key.id, received.prints)]),
      ],
      writes: [{ kind: 'keys', before: null, after: key }],
      events: [keyEvent('key.submitted', key, context)],
    },
  }
}

export function updateKey(key: Key, patch: KeyPatch, operationId: string, context: Context): Decision<Key> {
  refuseLeaks(patch, (text) => leaks(text, key.fingerprint, context.peppers))
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

/** Revoking what is revoked changes nothing. `prints`: see `releases`. `reason`: why, if not by a request. */
export function revokeKey(
  key: Key,
  operationId: string,
  context: Context,
  prints: Fingerprints | null,
  reason?: 'profile_deleted' | 'profile_not_found',
): Decision<Key> {
  if (key.status === 'revoked') return { record: key, change: null }
  const reasons = reason === undefined ? key.reasons : [...key.reasons, reason]
  const after: Key = { ...next(key, context), status: 'revoked', reasons }
  return {
    record: after,
    change: {
      ...changeOf(key, after, operationId),
      claims: releases(key, prints),
      events: [keyEvent('key.revoked', after, context)],
    },
  }
}

/** `prints`: see `releases`. */
export const deleteKey = (
  key: Key,
  operationId: string,
  context: Context,
  prints: Fingerprints | null,
): Decision<Key> => ({
  record: key,
  change: {
    operationId,
    placement: placementOf(key.id),
    claims: releases(key, prints),
    writes: [{ kind: 'keys', before: key, after: null }],
    events: [keyEvent('key.deleted', key, context)],
  },
})

/** How a pending key is settled; only a key that is not accepted lets its fingerprints go. */
export function settleKey(
  key: Key,
  settled: Pick<Key, 'status' | 'reasons' | 'duplicateOf'>,
  prints: Fingerprints | null,
  now: Date,
) {
  const after: Key = { ...next(key, { now }), ...settled }
  return {
    claims: settled.status === 'accepted' ? [] : releases(key, prints),
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
const leaks = (text: string, print: string, peppers: string[]): boolean =>
  [text, ...text.split(/[\s,;:='"]+/)].some(
    (part) => part !== '' && peppers.some((pepper) => fingerprint(clean(part).raw, pepper) === print),
  )
