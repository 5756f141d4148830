import { randomBytes } from 'node:crypto'

/** So much of a secret is found, wherever and in whichever form it is. */
const PART = 12

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** 32 random letters and digits, which are part of a secret. */
export const newMarker = (): string =>
  Array.from(randomBytes(32), (byte) => LETTERS[byte % LETTERS.length]).join('')

const windows = (text: string, width: number, step: number): string[] =>
  Array.from({ length: Math.floor((text.length - width) / step) + 1 }, (_, i) =>
    text.slice(i * step, i * step + width),
  )

/** Each part of 12 characters, by `encode`: characters become `per` characters each. */
const eachBy = (marker: string, per: number, encode: (character: string) => string): string[] =>
  windows([...marker].map(encode).join(''), PART * per, per)

const hex = (character: string): string => character.charCodeAt(0).toString(16)

/** What base64 has of it, wherever it begins: 16 digits are 12 characters. */
const base64 = (marker: string): string[] =>
  [0, 1, 2].flatMap((shift) => {
    const digits = Buffer.from('x'.repeat(shift) + marker).toString('base64')
    const [first, last] = [shift === 0 ? 0 : 4, 4 * Math.floor((shift + marker.length) / 3)]
    return windows(digits.slice(first, last), 16, 1)
  })

/** Every form in which a part of a marker could be somewhere: as it is, hex, escaped, base64, UTF-16. */
export const formsOf = (marker: string): Buffer[] =>
  [
    ...windows(marker, PART, 1),
    ...eachBy(marker, 2, hex),
    ...eachBy(marker, 2, (character) => hex(character).toUpperCase()),
    ...eachBy(marker, 3, (character) => `%${hex(character)}`),
    ...eachBy(marker, 3, (character) => `%${hex(character).toUpperCase()}`),
    ...eachBy(marker, 6, (character) => `\\u00${hex(character)}`),
    ...eachBy(marker, 4, (character) => `\\x${hex(character)}`),
    ...eachBy(marker, 2, (character) => `${character}\0`),
    ...base64(marker),
    ...windows(marker.toLowerCase(), PART, 1),
    ...windows([...marker].reverse().join(''), PART, 1),
  ].map((form) => Buffer.from(form, 'latin1'))

/** Where secrets could have ended up, under a name for people: all that was seen there. */
export class Places {
  readonly #places = new Map<string, Buffer[]>()

  add(place: string, seen: string | Buffer): void {
    const bytes = typeof seen === 'string' ? Buffer.from(seen) : seen
    this.#places.set(place, [...(this.#places.get(place) ?? []), bytes])
  }

  /** How often each of these is found in a place, by its name. */
  search(place: string, wanted: Record<string, Buffer[]>): string[] {
    const seen = Buffer.concat(this.#places.get(place) ?? [], undefined)
    return Object.entries(wanted).flatMap(([name, forms]) =>
      forms.some((form) => seen.includes(form)) ? [`${name} in ${place}: ${around(seen, forms)}`] : [],
    )
  }

  get names(): string[] {
    return [...this.#places.keys()]
  }
}

/** What a leak looks like, so that it can be found. */
function around(seen: Buffer, forms: Buffer[]): string {
  const at = Math.max(...forms.map((form) => seen.indexOf(form)))
  return seen.toString('latin1', Math.max(0, at - 120), at + 60)
}
