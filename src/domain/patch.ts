import { KeypostError } from '../errors.js'
import type { Metadata } from '../schemas/common.js'

const MAX_METADATA = 50

/** A JSON merge patch (RFC 7396) of metadata: null takes a value away, null as a whole takes all. */
export function patchMetadata(
  metadata: Metadata,
  patch: Record<string, string | null> | null | undefined,
): Metadata {
  if (patch === undefined) return metadata
  const merged = new Map(Object.entries(patch === null ? {} : metadata))
  for (const [name, value] of Object.entries(patch ?? {})) {
    if (value === null) merged.delete(name)
    else merged.set(name, value)
  }
  if (merged.size > MAX_METADATA) {
    throw new KeypostError('invalid_request', 'The metadata would have too many entries.', [
      {
        in: 'body',
        pointer: '/metadata',
        message: `must have at most ${MAX_METADATA} entries after the patch`,
      },
    ])
  }
  return Object.fromEntries(merged)
}

/** The names of the fields among `names` in which two records differ. */
export const changedFields = <T extends object>(before: T, after: T, names: (keyof T & string)[]): string[] =>
  names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
