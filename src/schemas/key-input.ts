import { type Static, Type } from 'typebox'
import { Id, Metadata, Nullable, Timestamp } from './common.js'

const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]*$' })

/** POST /keys. */
export const KeySubmission = Type.Object(
  {
    key: Type.String({
      minLength: 1,
      maxLength: 16384,
      description: 'The raw key. It is reduced to a fingerprint and a mask at once and stored nowhere.',
    }),
    name: Name,
    profileId: Type.Optional(Nullable(Id)),
    expiresAt: Type.Optional(Nullable(Timestamp)),
    metadata: Type.Optional(Metadata),
  },
  { $id: 'KeySubmission', additionalProperties: false },
)
export type KeySubmission = Static<typeof KeySubmission>

/** PATCH /keys/{id}: a JSON merge patch (RFC 7396); null takes a value away. */
export const KeyPatch = Type.Object(
  {
    name: Type.Optional(Name),
    profileId: Type.Optional(Nullable(Id)),
    expiresAt: Type.Optional(Nullable(Timestamp)),
    metadata: Type.Optional(
      Nullable(Type.Record(Type.String(), Nullable(Type.String({ maxLength: 500 })), { maxProperties: 100 })),
    ),
  },
  { $id: 'KeyPatch', additionalProperties: false },
)
export type KeyPatch = Static<typeof KeyPatch>
