import { digestOf } from '../src/tokens.js'

/** An entry of `API_TOKENS`. */
export const entry = (token: string, name: string, scopes: string): string =>
  `${name}:${scopes}:${digestOf(token).toString('hex')}`

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** A token of each scope, and one of all. */
export const TOKENS = {
  read: 'kp_test-token-that-reads_0123456789abcdefghij',
  write: 'kp_test-token-that-writes_0123456789abcdefghij',
  admin: 'kp_test-token-of-the-admin_0123456789abcdefghij',
  all: 'kp_test-token-for-everything_0123456789abcdefghij',
} as const

/** Each is that of a client called as its scope. */
export const API_TOKENS = [
  entry(TOKENS.read, 'read', 'read'),
  entry(TOKENS.write, 'write', 'write'),
  entry(TOKENS.admin, 'admin', 'admin'),
  entry(TOKENS.all, 'all', 'read+write+admin'),
].join(',')
