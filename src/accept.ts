/** How much a client wants a media type (RFC 9110 §12.4.2), and how exactly it said so. */
interface Wish {
  q: number
  isNamed: boolean
}

/**
 * Whether lines of JSON are what a client asks for (RFC 9110 §12.5.1). A client that names both and likes them
 * equally, as generated ones do with all that is documented, gets what it would get without `Accept`.
 */
export function wantsLines(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const ranges = accept.toLowerCase().split(',').map(rangeOf)
  const lines = wishFor('application/x-ndjson', ranges)
  const json = wishFor('application/json', ranges)
  return lines.isNamed && lines.q > 0 && (lines.q > json.q || (lines.q === json.q && !json.isNamed))
}

function rangeOf(text: string): { type: string; q: number } {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1'
  return { type, q: /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0 }
}

/** The most exact range that fits decides. */
function wishFor(type: string, ranges: { type: string; q: number }[]): Wish {
  for (const wanted of [type, 'application/*', '*/*']) {
    const range = ranges.find((range) => range.type === wanted)
    if (range !== undefined) return { q: range.q, isNamed: wanted === type }
  }
  return { q: 0, isNamed: false }
}
