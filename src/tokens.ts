import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * What a token allows: to read, to change, and to undo how events ended (redrive, discard, replay). None includes
 * another, so that a token says all that it is for.
 */
export const SCOPES = ['read', 'write', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** A bearer token as it is configured: by its digest, so that the configuration gives nobody access. */
export interface Token {
  /** Whose it is: what logs, limits and `Idempotency-Key`s go by. */
  name: string
  scopes: ReadonlySet<Scope>
  /** SHA-256 */
  digest: Buffer
}

const NAME = '[A-Za-z0-9][A-Za-z0-9_.-]{0,62}'
const ENTRY = new RegExp(`^(?<name>${NAME}):(?<scopes>[a-z+]{1,32}):(?<hex>[0-9a-f]{64})$`)
export const isTokenName = (text: string): boolean => new RegExp(`^${NAME}$`).test(text)

/** What can be sent as a bearer token (RFC 6750 §2.1). */
export const isBearer = (text: string): boolean => /^[A-Za-z0-9._~+/-]+=*$/.test(text)

/** So that one can be replaced while it is still in use. */
const A_NAME = 2

/**
 * `name:read+write+admin:sha256hex`, by commas.
 * @throws Error that says which entry is wrong, by its place: an entry could be a token by mistake.
 */
export function parseTokens(text: string): Token[] {
  const tokens = text.split(',').map((entry, i) => parse(entry.trim(), i + 1))
  for (const { name, digest } of tokens) {
    const own = tokens.filter((token) => token.name === name)
    if (own.length > A_NAME) throw new Error(`"${name}" has more than ${A_NAME} tokens`)
    if (tokens.filter((token) => token.digest.equals(digest)).length > 1)
      throw new Error(`a token of "${name}" is there twice`)
  }
  return tokens
}

function parse(entry: string, place: number): Token {
  const { name = '', scopes = '', hex = '' } = ENTRY.exec(entry)?.groups ?? {}
  if (name === '')
    throw new Error(`entry ${place} must be name:scopes:sha256 in hex; \`keypost token\` makes one`)
  const named = parseScopes(scopes)
  if (named === null)
    throw new Error(`the scopes of entry ${place} must be some of ${SCOPES.join(', ')}, joined by +`)
  return { name, scopes: new Set(named), digest: Buffer.from(hex, 'hex') }
}

/** `read+write`; null if it is not some scopes, each once. */
export function parseScopes(text: string): Scope[] | null {
  const named = text.split('+')
  const found = SCOPES.filter((scope) => named.includes(scope))
  return found.length === named.length ? found : null
}

/** 256 random bits, with a prefix by which scanners for secrets find it, and what goes to `API_TOKENS` of it. */
export function newToken(name: string, scopes: Scope[]): { token: string; entry: string } {
  const token = `kp_${randomBytes(32).toString('base64url')}`
  return { token, entry: `${name}:${scopes.join('+')}:${digestOf(token).toString('hex')}` }
}

export const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** Whose a token is. Every digest is compared, each in constant time, so that how long it takes tells nothing. */
export function ownerOf(sent: string, tokens: readonly Token[]): Token | null {
  const digest = digestOf(sent)
  let owner: Token | null = null
  for (const token of tokens) if (timingSafeEqual(token.digest, digest)) owner = token
  return owner
}
