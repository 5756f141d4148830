import { Type } from 'typebox'

const tags = (description: string) =>
  Type.Optional(Type.String({ maxLength: 2048, description, examples: ['"1"'] }))

/** The headers of conditional requests (RFC 9110 §13.1). */
export const IfMatch = Type.Object({
  'if-match': tags('Change it only while its ETag is one of these; else 412. Weak tags never match.'),
})
export const IfNoneMatch = Type.Object({
  'if-none-match': tags('Answer 304 if its ETag is one of these.'),
})
