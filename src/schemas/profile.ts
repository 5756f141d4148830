import { type Static, Type } from 'typebox'
import { Id, Metadata, PageOf, Timestamp } from './common.js'
import * as examples from './examples.js'

/** Whom keys belong to. An email belongs to one profile at a time, whatever its letter case. */
export const Profile = Type.Object(
  {
    id: Id,
    name: Type.String(),
    email: Type.String(),
    metadata: Metadata,
    version: Type.Integer({ minimum: 1 }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { $id: 'Profile', additionalProperties: false, examples: [examples.profile] },
)
export type Profile = Static<typeof Profile>

export const ProfilePage = PageOf(Profile, 'ProfilePage')
