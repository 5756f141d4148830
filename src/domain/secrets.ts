import { createHmac } from 'node:crypto'

/** A submitted key without the white space and the one matching pair of quotes around it. */
export function clean(submitted: string): { raw: string; warnings: string[] } {
  const trimmed = submitted.trim()
  const quoted = /^(["'])(.*)\1$/s.exec(trimmed)
  const raw = quoted?.[2] === undefined ? trimmed : quoted[2].trim()
  const warnings = []
  if (trimmed !== submitted) warnings.push('white_space_removed')
  if (raw !== trimmed) warnings.push('quotes_removed')
  return { raw, warnings }
}

/** 64 lower-case hex digits: HMAC-SHA-256 (RFC 2104) of the key with the pepper. */
export const fingerprint = (raw: string, pepper: string): string =>
  createHmac('sha256', pepper).update(raw, 'utf8').digest('hex')

/** Shows the end of a key that is long enough to stay secret without it. */
export const mask = (raw: string): string => {
  const characters = [...raw]
  return characters.length >= 16 ? `****${characters.slice(-4).join('')}` : '****'
}

/** Tells peppers apart without telling anything of them. */
export const pepperId = (pepper: string): string =>
  createHmac('sha256', pepper).update('keypost pepper id').digest('hex').slice(0, 16)
