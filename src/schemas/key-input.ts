import { type Static, Type } from 'typebox'
import { Id, Metadata, MetadataPatch, Nullable, Text, Timestamp } from './common.js'

const Name = Text({ minLength: 1, maxLength: 200 })

/** POST /keys. */
export const KeySubmission = Type.Object(
  {
    key: Text({
      minLength: 1,
      maxLength: 16384,
      description: 'The raw key. It is reduced to a fingerprint and a mask at once and stored nowhere.',
    }),
    name: Name,
    profileId: Type.Optional(Nullable(Id)),
    expiresAt: Type.Optional(Nullable(Timestamp)),
    metadata: Type.Optional(Metadata),
  },
  {
    $id: 'KeySubmission',
    additionalProperties: false,
    examples: [{ key: 'sk_example_0123456789abcdefwxyz', name: 'deploys', metadata: { env: 'production' } }],
  },
)
export type KeySubmission = Static<typeof KeySubmission>

/** PATCH /keys/{id}: a JSON merge patch (RFC 7396); null takes a value away. */
export const KeyPatch = Type.Object(
  {
    name: Type.Optional(Name),
    profileId: Type.Optional(Nullable(Id)),
    expiresAt: Type.Optional(Nullable(Timestamp)),
    metadata: Type.Optional(Nullable(MetadataPatch)),
  },
  {
    $id: 'KeyPatch',
    additionalProperties: false,
    examples: [{ name: 'deploys', expiresAt: null, metadata: { env: 'staging', owner: null } }],
  },
)
export type KeyPatch = Static<typeof KeyPatch>
