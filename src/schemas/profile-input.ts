import { type Static, Type } from 'typebox'
import { Metadata, Nullable } from './common.js'

const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]*$' })
const Email = Type.String({ format: 'email', minLength: 3, maxLength: 254 })

/** POST /profiles and PUT /profiles/{id}. */
export const ProfileInput = Type.Object(
  { name: Name, email: Email, metadata: Type.Optional(Metadata) },
  { $id: 'ProfileInput', additionalProperties: false },
)
export type ProfileInput = Static<typeof ProfileInput>

/** PATCH /profiles/{id}: a JSON merge patch (RFC 7396); null takes a value away. */
export const ProfilePatch = Type.Object(
  {
    name: Type.Optional(Name),
    email: Type.Optional(Email),
    metadata: Type.Optional(
      Nullable(Type.Record(Type.String(), Nullable(Type.String({ maxLength: 500 })), { maxProperties: 100 })),
    ),
  },
  { $id: 'ProfilePatch', additionalProperties: false },
)
export type ProfilePatch = Static<typeof ProfilePatch>
