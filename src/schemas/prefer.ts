import { Type } from 'typebox'

/** A client may want to wait for ever; what is between it and Keypost gives up after a minute or so. */
const MAX_WAIT_S = 30

/** Of the POSTs whose event's result a client can wait for (RFC 7240). */
export const Prefer = Type.Object({
  prefer: Type.Optional(
    Type.String({
      maxLength: 1000,
      description:
        '`wait=N`: wait up to N whole seconds (30 at most) for the result of the event; if it comes in time the ' +
        'answer is 201, else 202. `respond-async`: 202 at once, or, with `wait=N` beside it, after N seconds. ' +
        'Other preferences, and what cannot be read as one, are ignored.',
      examples: ['wait=5'],
    }),
  ),
})

/** How long a client is ready to wait for a result. */
export interface Patience {
  /** 0 to 30 whole seconds; null: it does not want to wait. */
  waitS: number | null
  respondAsync: boolean
}

/** What of a `Prefer` header is about waiting; several headers are one, joined by commas. */
export function patienceIn(header: string): Patience {
  const preferences = preferencesIn(header)
  const wait = preferences.get('wait') ?? ''
  return {
    waitS: /^\d+$/.test(wait) ? Math.min(Number(wait), MAX_WAIT_S) : null,
    respondAsync: preferences.has('respond-async'),
  }
}

const TOKEN = "[\\w!#$%&'*+.^`|~-]+"
const WORD = `${TOKEN}|"(?:[^"\\\\]|\\\\.)*"`
/** A preference or a parameter, and the comma or semicolon that ends it (RFC 7240 §2). Linear: no two parts overlap. */
const ITEM = `[ \\t]*(?:(${TOKEN})[ \\t]*(?:=[ \\t]*(?:(${WORD})[ \\t]*)?)?)?([,;]|$)`

/**
 * The preferences by name in lower case; without a value it is ''. Of one that is there twice the first counts.
 * Parameters are left out, as no preference that is known here has any. A header that is no list has none.
 */
function preferencesIn(header: string): Map<string, string> {
  const preferences = new Map<string, string>()
  let read = 0
  let parameter = false
  for (const [item, token, word = '', separator] of header.matchAll(new RegExp(ITEM, 'gy'))) {
    const name = token?.toLowerCase()
    if (name !== undefined && !parameter && !preferences.has(name)) preferences.set(name, unquoted(word))
    parameter = separator === ';'
    read += item.length
  }
  return read === header.length ? preferences : new Map()
}

const unquoted = (word: string): string =>
  word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word
