import { type Static, Type } from 'typebox'
import { Id, Metadata, Nullable, PageOf, Timestamp } from './common.js'
import * as examples from './examples.js'

export const KeyStatus = Type.Enum(['pending', 'accepted', 'duplicate', 'rejected', 'revoked'], {
  type: 'string',
  description: 'What became of it; `pending` until its event is handled.',
})
export type KeyStatus = Static<typeof KeyStatus>

/** 64 lower-case hex digits of HMAC-SHA-256 over the key, with the pepper. */
export const Fingerprint = Type.String({
  pattern: '^[0-9a-f]{64}$',
  maxLength: 64,
  description: 'HMAC-SHA-256 of the key, with the pepper: the same for the same key.',
  examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
})

/** What is kept of a submitted key. The raw value is not part of it and is stored nowhere. */
export const Key = Type.Object(
  {
    id: Id,
    name: Type.String(),
    status: KeyStatus,
    masked: Type.String({
      description: '`****` and the last four characters if the key has at least 16, else `****`.',
    }),
    fingerprint: Fingerprint,
    provider: Nullable(Type.String()),
    format: Nullable(Type.String()),
    reasons: Type.Array(Type.String(), { description: 'Why the key was rejected or revoked.' }),
    warnings: Type.Array(Type.String()),
    duplicateOf: Nullable(Id),
    profileId: Nullable(Id),
    expiresAt: Nullable(Timestamp),
    metadata: Metadata,
    version: Type.Integer({ minimum: 1 }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { $id: 'Key', additionalProperties: false, examples: [examples.key] },
)
export type Key = Static<typeof Key>

export const KeyPage = PageOf(Key, 'KeyPage')
