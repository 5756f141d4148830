/** Every error that a client can meet: its code, its HTTP status and its title (RFC 9457 §3.1). */
export const errors = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  key_in_metadata: { status: 400, title: 'The name or the metadata contains the key' },
  invalid_cursor: { status: 400, title: 'The cursor is not one of this list' },
  unauthorized: { status: 401, title: 'A valid token is needed' },
  insufficient_scope: { status: 403, title: 'The token does not allow this' },
  foreign_origin: { status: 403, title: 'Pages of this origin may not change anything' },
  reserved_topic: { status: 403, title: "The topic is Keypost's own" },
  not_found: { status: 404, title: 'There is no such thing' },
  result_pending: { status: 404, title: 'The event has no result yet' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  email_taken: { status: 409, title: 'The email belongs to another profile' },
  conflict: { status: 409, title: 'The record kept changing while the request was carried out' },
  not_dead: { status: 409, title: 'The event is not a dead letter' },
  event_lost: { status: 409, title: 'The event was lost, and only its dead letter is left' },
  version_mismatch: { status: 412, title: 'The record has another version' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The media type is not supported' },
  expectation_failed: { status: 417, title: 'The expectation cannot be met' },
  misdirected_request: { status: 421, title: 'The request is meant for another host' },
  idempotency_mismatch: { status: 422, title: 'The Idempotency-Key belongs to another request' },
  schema_mismatch: { status: 422, title: 'The data does not fit the schema of its type' },
  rate_limited: { status: 429, title: 'Too many requests' },
  too_many_streams: { status: 429, title: 'Too many streams are open' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong here' },
  backlog_full: { status: 503, title: 'Too many events are unfinished' },
  overloaded: { status: 503, title: 'The service has more to do than it can' },
  unavailable: { status: 503, title: 'The service cannot do this right now' },
} as const

export type ErrorCode = keyof typeof errors

/** What exactly is wrong: where, which field (RFC 6901), and why, without the value that was sent. */
export interface ErrorItem {
  in: 'body' | 'query' | 'path' | 'header'
  pointer: string
  message: string
}

/** An answer that is an error. `detail` is read by people and never contains what was submitted. */
export class KeypostError extends Error {
  override readonly name = 'KeypostError'
  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly items: ErrorItem[] = [],
  ) {
    super(detail)
  }
}
