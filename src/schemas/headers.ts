/** Headers of answers, as OpenAPI describes them. */
const header = (description: string, example: string) => ({
  type: 'string',
  description,
  examples: [example],
})

const ETag = header('The version of the record, quoted.', '"1"')
const Event = header(
  'The event of this change; its result is at `/results/{id}`. Absent: nothing had to change.',
  '0192f0c1-3b4c-7d5e-9f60-2c3d4e5f6071',
)
const Link = header(
  '`rel="next"`: the next page, if there is one.',
  '</keys?limit=50&cursor=eyJ2IjoxfQ>; rel="next"',
)

export const headers = {
  etag: { ETag },
  event: { 'Keypost-Event-Id': Event },
  link: { Link },
  vary: { Vary: header('The request header that chooses between a page and lines.', 'Accept') },
  location: {
    Location: header(
      'Where that which was made is; of an event that is handled again, where its result will be.',
      '/keys/0192f0c1-3b4c-7d5e-9f60-1b2c3d4e5f60',
    ),
  },
  retryAfter: { 'Retry-After': header('When to send the request again, in seconds.', '1') },
  acceptPatch: {
    'Accept-Patch': header('What a PATCH may be.', 'application/merge-patch+json, application/json'),
  },
  challenge: {
    'WWW-Authenticate': header(
      '`Bearer`, and with an `error` what is wrong with the token (RFC 6750 §3).',
      'Bearer realm="keypost", error="invalid_token"',
    ),
  },
  allow: { Allow: header('Of a 405: the methods of this path.', 'GET, HEAD, OPTIONS') },
  replayed: {
    'Idempotent-Replayed': header(
      '`true`: the answer to an earlier request with this `Idempotency-Key`.',
      'true',
    ),
  },
  preference: {
    'Preference-Applied': header('Which preferences were followed, with the wait that counted.', 'wait=30'),
  },
  /** What says how many requests are left, once it is known whose they are. */
  limit: {
    'RateLimit-Policy': header(
      'With a limit: how many requests (`q`) a token, or without one an address, may send in so many seconds (`w`).',
      '"default";q=6000;w=60',
    ),
    RateLimit: header(
      'With a limit: how many requests are left (`r`), and in how many seconds there are all of them again (`t`).',
      '"default";r=5999;t=60',
    ),
  },
  /** What hooks add to every answer. */
  everywhere: {
    'X-Request-Id': header(
      "The request's own `X-Request-Id` if it is a UUID or 32 hex digits, else a new one. It is in the log and, if it " +
        'is a UUID, in the events.',
      '0192f0c1-4c5d-7e6f-8091-3d4e5f607182',
    ),
  },
} as const
