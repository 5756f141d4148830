import { Type } from 'typebox'
import { Id, paging, Timestamp } from './common.js'
import { Fingerprint, KeyStatus } from './key.js'

/** GET /keys. */
export const KeyQuery = Type.Object(
  {
    status: Type.Optional(KeyStatus),
    provider: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9_.-]{1,64}$',
        maxLength: 64,
        description: 'Who issues such keys.',
        examples: ['github'],
      }),
    ),
    profileId: Type.Optional({ ...Id, description: 'Those of this profile.' }),
    fingerprint: Type.Optional(Fingerprint),
    expiresBefore: Type.Optional({ ...Timestamp, description: 'Those that expire earlier (RFC 3339).' }),
    ...paging,
  },
  { additionalProperties: false },
)
