import { ConfigError } from '../config.js'
import { isTokenName, newToken, parseScopes, SCOPES } from '../tokens.js'

/** `keypost token <name> [scopes]`: makes a token, shows it once, and keeps nothing. */
export function token(name: string | undefined, scopes = 'read+write'): void {
  if (name === undefined || !isTokenName(name))
    throw new ConfigError(
      'token: the name must be 1 to 63 letters, digits, ".", "_" and "-", the first a letter or digit',
    )
  const named = parseScopes(scopes)
  if (named === null)
    throw new ConfigError(`token: the scopes must be some of ${SCOPES.join(', ')}, joined by +`)
  const { token, entry } = newToken(name, named)
  console.log(`A token for ${name} (${named.join(', ')}), shown this once:

  ${token}

What API_TOKENS has of it, beside other entries by a comma:

  ${entry}`)
}
