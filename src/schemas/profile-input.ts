import { type Static, Type } from 'typebox'
import { Metadata, MetadataPatch, Nullable, Text } from './common.js'

const Name = Text({ minLength: 1, maxLength: 200 })
export const Email = Type.String({
  format: 'email',
  minLength: 3,
  maxLength: 254,
  description: 'It belongs to one profile at a time, whatever its letter case.',
  examples: ['ada@example.com'],
})

/** POST /profiles and PUT /profiles/{id}. */
export const ProfileInput = Type.Object(
  { name: Name, email: Email, metadata: Type.Optional(Metadata) },
  {
    $id: 'ProfileInput',
    additionalProperties: false,
    examples: [{ name: 'Ada', email: 'ada@example.com', metadata: { team: 'engines' } }],
  },
)
export type ProfileInput = Static<typeof ProfileInput>

/** PATCH /profiles/{id}: a JSON merge patch (RFC 7396); null takes a value away. */
export const ProfilePatch = Type.Object(
  {
    name: Type.Optional(Name),
    email: Type.Optional(Email),
    metadata: Type.Optional(Nullable(MetadataPatch)),
  },
  {
    $id: 'ProfilePatch',
    additionalProperties: false,
    examples: [{ name: 'Ada L.', metadata: { team: null } }],
  },
)
export type ProfilePatch = Static<typeof ProfilePatch>
