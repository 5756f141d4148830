import Format from 'typebox/format'

/**
 * The formats that Keypost relies on, checked in linear time. TypeBox's own take the 30th of February for a
 * date and a leap second for a time, which `Date` then turns into something else.
 */
Format.Set('date-time', isInstant)
Format.Set('email', isEmail)

const RFC3339 =
  /^\d{4}-\d\d-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/

/** An RFC 3339 instant that exists, in the years 0001 to 9999 of UTC. */
function isInstant(text: string): boolean {
  const day = RFC3339.exec(text)?.[1]
  if (day === undefined) return false
  const midnight = new Date(`${text.slice(0, 10)}T00:00:00Z`)
  if (Number.isNaN(midnight.getTime()) || midnight.getUTCDate() !== Number(day)) return false
  return /^(?!0000)\d{4}-/.test(new Date(text).toISOString())
}

const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+$/
const LABEL = /^[A-Za-z0-9-]{1,63}$/

/** `dot-atom@host.name` in ASCII (RFC 5321 §4.1.2), without quoted local parts and address literals. */
function isEmail(text: string): boolean {
  if (text.length > 254) return false
  const at = text.lastIndexOf('@')
  if (at < 1 || at > 64) return false
  const labels = text.slice(at + 1).split('.')
  return (
    text
      .slice(0, at)
      .split('.')
      .every((atom) => LOCAL.test(atom)) &&
    labels.length > 1 &&
    labels.every((label) => LABEL.test(label) && !label.startsWith('-') && !label.endsWith('-'))
  )
}
