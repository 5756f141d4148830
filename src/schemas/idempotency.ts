import { Type } from 'typebox'

/** 1 to 255 characters of visible ASCII, as they are or as an RFC 8941 string (which may have spaces in it). */
const BARE = '[!#-~]{1,255}'
const QUOTED = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\]){1,255}"'

/** Of every POST (draft-ietf-httpapi-idempotency-key-header). */
export const IdempotencyKey = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: `^(?:${BARE}|${QUOTED})$`,
      maxLength: 512,
      description:
        'Makes it safe to send the request again: for 24 hours the same key with the same body is carried out ' +
        'once and answered the same, with `Idempotent-Replayed: true`; with another body it is a 422. Refusals ' +
        'are not remembered.',
      examples: ['"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
    }),
  ),
})

/** The key in a header that fits: quoted and bare are the same. */
export const idempotencyKeyIn = (header: string): string =>
  header.startsWith('"') ? header.slice(1, -1).replace(/\\(.)/g, '$1') : header
