import type { Random } from '../faults/random.js'
import type { Document, Schema } from './document.js'

/** Begin the values that a request sends, and nothing that Keypost makes by itself. */
export const MARK = 'zqxw'
/** Begins the raw keys. */
export const KEY_MARK = 'kqzxwv'
/** Marks of this length occur once. */
const WHOLE = 16
/** Of each kind of text; patterns that want a letter first refuse several in a row. */
const TRIES = 50

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const ALPHABETS = [
  LETTERS,
  LETTERS,
  'ABC xyz 019 _.-:/,;<>&"\'\\%+=?#[]{}',
  'äöüßéÀñçŁ',
  'مرحبا שלום',
  '日本語한국어ไทย',
  '😀👩‍👩‍👧🏳️‍🌈🇪🇺',
  'e\u0301a\u0308n\u0303 \u212b\ufb01\u200b\u202e\ufeff\u2028',
]

/** Values that fit a schema, at its limits and within them. */
export class Values {
  constructor(
    readonly random: Random,
    private readonly document: Document,
  ) {}

  of(given: Schema): Json {
    const schema = this.document.resolve(given)
    if (schema.anyOf) return this.of(this.random.pick(schema.anyOf))
    if (schema.const !== undefined) return schema.const as Json
    if (schema.enum) return this.random.pick(schema.enum) as Json
    const types = [schema.type ?? []].flat()
    if (types.length === 0) return this.any(3)
    const type = types.includes('null') && this.random.chance(0.2) ? 'null' : types[0]
    if (type === 'string') return this.string(schema)
    if (type === 'integer' || type === 'number') return this.#number(schema)
    if (type === 'boolean') return this.random.chance(0.5)
    if (type === 'array') return this.#array(schema)
    return type === 'object' ? this.#object(schema) : null
  }

  /** Any JSON, so many levels deep. */
  any(levels: number): Json {
    const leaf = this.random.below(levels > 0 ? 8 : 6)
    if (leaf === 0) return null
    if (leaf === 1) return this.random.chance(0.5)
    if (leaf === 2) return this.random.pick([0, -1, 1.5, 2 ** 53, -1e300, 5e-324])
    if (leaf <= 5) return this.text(this.random.below(40))
    const items = Array.from({ length: this.random.below(4) }, () => this.any(levels - 1))
    return leaf === 6 ? items : Object.fromEntries(items.map((item) => [this.text(WHOLE), item]))
  }

  string({ pattern, format, minLength = 0, maxLength = 60 }: Schema): string {
    if (format === 'email') return this.email(maxLength)
    if (format === 'date-time') return this.instant()
    const matches = new RegExp(pattern ?? '', 'u')
    const makers = [
      (length: number) => this.text(length),
      (length: number) => this.text(length, LETTERS),
      () => this.uuid(),
      () => this.hex(64),
      () => `00-${this.hex(32)}-${this.hex(16)}-01`,
      () => 'application/json; charset=utf-8',
    ]
    for (const make of makers)
      for (let tries = 0; tries < TRIES; tries++) {
        const made = make(this.#length(minLength, maxLength))
        const length = [...made].length
        if (matches.test(made) && length >= minLength && length <= maxLength) return made
      }
    throw new Error(`no value is known that fits ${pattern}`)
  }

  /** So many characters, with a mark in front if there is room. */
  text(length: number, alphabet = this.random.pick(ALPHABETS), mark = MARK): string {
    const letters = [...alphabet]
    const begins =
      length >= mark.length + 4 ? mark + this.#letters(Math.min(length, WHOLE) - mark.length) : ''
    const rest = Array.from({ length: length - begins.length }, () => this.random.pick(letters))
    return begins + rest.join('')
  }

  email(maxLength = 254): string {
    const local = this.text(this.random.pick([WHOLE, WHOLE, 64]), LETTERS)
    const long = this.random.chance(0.1)
      ? `${Array.from({ length: 4 }, () => this.#letters(63)).join('.')}`.slice(0, maxLength - 65 - 4)
      : 'example'
    return `${local}@${long.replace(/\.$/, '')}.com`
  }

  instant(): string {
    const at = this.random.pick([0, Date.UTC(2024, 1, 29), Date.UTC(9999, 11, 31), Date.now()])
    const text = new Date(at).toISOString()
    return this.random.pick([text, text.replace(/\.\d+/, ''), text.replace('Z', '+00:00')])
  }

  uuid(): string {
    const hex = this.hex(32)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  hex(length: number): string {
    return Array.from({ length }, () => this.random.below(16).toString(16)).join('')
  }

  #letters(length: number): string {
    return Array.from({ length }, () => LETTERS[this.random.below(36)]).join('')
  }

  /** Mostly a usual length; now and then the shortest, the longest, or what lies just within them. */
  #length(min: number, max: number): number {
    const usual = Math.max(min, Math.min(max, WHOLE + this.random.below(12)))
    if (this.random.chance(0.7)) return usual
    return this.random.pick([min, max, Math.min(max, min + 1), Math.max(min, max - 1)])
  }

  #number({ minimum = 0, maximum = 1000 }: Schema): number {
    const between = minimum + this.random.below(maximum - minimum + 1)
    return this.random.pick([minimum, maximum, between, between, between])
  }

  #array({ items = {}, minItems = 0, maxItems = 5 }: Schema): Json {
    const length = this.random.chance(0.1) ? maxItems : Math.max(minItems, Math.min(maxItems, 2))
    return Array.from({ length }, () => this.of(items))
  }

  #object({ properties = {}, required = [], additionalProperties, maxProperties = 5 }: Schema): Json {
    const named = Object.entries(properties).filter(
      ([name]) => required.includes(name) || this.random.chance(0.5),
    )
    const made = Object.fromEntries(named.map(([name, schema]) => [name, this.of(schema)]))
    if (typeof additionalProperties !== 'object' || Object.keys(properties).length > 0) return made
    const length = this.random.chance(0.05) ? maxProperties : this.random.below(4)
    for (let i = 0; i < length; i++) made[this.text(WHOLE + 4)] = this.of(additionalProperties)
    return made
  }
}
