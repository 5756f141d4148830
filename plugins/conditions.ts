import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { IfMatch } from '../src/bus/publisher.js'
import { KeypostError } from '../src/errors.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The versions that the client accepts (`If-Match`). Throws invalid_request if it cannot be read. */
    ifMatch(): IfMatch
    /** Whether the client has this version already (`If-None-Match`). */
    hasVersion(version: number): boolean
  }
}

/** A record's version as a strong entity tag (RFC 9110 §8.8.3). */
export const etag = (version: number): string => `"${version}"`

/** Conditional requests (RFC 9110 §13). */
export default fp(
  async (app) => {
    app.decorateRequest('ifMatch', function () {
      const tags = tagsIn(this, 'if-match')
      if (tags === null || tags === '*') return tags
      // A weak tag never matches here: the comparison is strong.
      return tags.filter(({ weak }) => !weak).flatMap(({ opaque }) => versionIn(opaque))
    })
    app.decorateRequest('hasVersion', function (version) {
      const tags = tagsIn(this, 'if-none-match')
      if (tags === null || tags === '*') return tags === '*'
      return tags.some(({ opaque }) => opaque === String(version))
    })
  },
  { name: 'conditions' },
)

interface Tag {
  weak: boolean
  opaque: string
}

function tagsIn(request: FastifyRequest, header: 'if-match' | 'if-none-match'): '*' | Tag[] | null {
  const value = request.headers[header]?.trim()
  if (value === undefined) return null
  if (value === '*') return '*'
  const tags: Tag[] = []
  const next = /[\s,]*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?=,|$)/y
  while (next.lastIndex < value.length) {
    const found = next.exec(value)
    if (found === null) throw malformed(header)
    tags.push({ weak: found[1] !== undefined, opaque: found[2] ?? '' })
  }
  if (tags.length === 0) throw malformed(header)
  return tags
}

const versionIn = (opaque: string): number[] => (/^[1-9]\d{0,14}$/.test(opaque) ? [Number(opaque)] : [])

const malformed = (header: string): KeypostError =>
  new KeypostError('invalid_request', 'A condition could not be read.', [
    { in: 'header', pointer: `/${header}`, message: 'must be * or quoted entity tags, by commas' },
  ])
