import { Type } from 'typebox'
import { paging } from './common.js'
import { Email } from './profile-input.js'

/** GET /profiles. */
export const ProfileQuery = Type.Object(
  { email: Type.Optional(Email), ...paging },
  { additionalProperties: false },
)
