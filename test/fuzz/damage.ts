import type { Random } from '../faults/random.js'
import { type Json, MARK, type Values } from './values.js'

type Path = (string | number)[]

/** Names that a careless program finds in every object. */
export const PROTOTYPE = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length']

/** A copy of some JSON with one thing changed, often for the worse. */
export function damaged(value: Json, values: Values): Json {
  const { random } = values
  const path = random.pick(paths(value))
  const there = at(value, path)
  if (isObject(there) && random.chance(0.6)) return put(value, path, otherObject(there, values))
  return put(value, path, otherValue(there, values))
}

/** An object that lacks, or has, a property. */
function otherObject(there: { [name: string]: Json }, values: Values): Json {
  const { random } = values
  const names = Object.keys(there)
  if (names.length > 0 && random.chance(0.4)) {
    const lost = random.pick(names)
    return Object.fromEntries(Object.entries(there).filter(([name]) => name !== lost))
  }
  const name = random.pick([values.text(24), values.text(24), '', 'id', 'version', ...PROTOTYPE])
  return Object.fromEntries([...Object.entries(there), [name, values.any(2)]])
}

function otherValue(there: Json, values: Values): Json {
  const { random } = values
  const kinds: (() => Json)[] = [
    () => null,
    () => true,
    () => random.pick([0, -1, 1.5, 2 ** 31, 2 ** 53, 1e300]),
    () => '',
    () => values.text(24),
    () => [there],
    () => ({ [values.text(24)]: there }),
    () => deep(random.pick([10, 65, 500])),
    () => otherText(typeof there === 'string' ? there : values.text(24), random),
    () => otherText(typeof there === 'string' ? there : values.text(24), random),
    // What a service that converts would take for the same.
    () => (typeof there === 'string' ? (random.chance(0.5) ? [there] : 12_345_678) : String(there)),
  ]
  return random.pick(kinds)()
}

function otherText(text: string, random: Random): string {
  const longer = (length: number) => text + 'x'.repeat(Math.max(0, length - [...text].length))
  return random.pick([
    `${text}\u0000`,
    `${text}\ud800`,
    `\udc00${text}`,
    `${text}\u0007\u001b[31m`,
    `${text}\r\nX-Injected: ${MARK}`,
    ` ${text} `,
    text.toUpperCase(),
    text.normalize('NFD'),
    longer(201),
    longer(256),
    longer(501),
    longer(1001),
    longer(16_385),
    '\u{1f469}\u200d\u{1f467}'.repeat(200),
    `a${'\u0301'.repeat(300)}`,
    '2025-02-29T00:00:00Z',
    '2024-06-30T23:59:60Z',
    '1e3',
    `${MARK}abcd@${'x'.repeat(64)}.com`,
    `${MARK}abcd@localhost`,
    `"${MARK} abcd"@example.com`,
  ])
}

export function deep(levels: number): Json {
  let value: Json = MARK.repeat(2)
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

const isObject = (value: Json): value is { [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Of a value and all that is in it. */
function paths(value: Json, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([name, inner]) => paths(inner, [...path, name]))]
}

const at = (value: Json, path: Path): Json =>
  path.reduce<Json>((there, name) => (there as Record<string, Json>)[name] ?? null, value)

function put(value: Json, [name, ...rest]: Path, replacement: Json): Json {
  if (name === undefined) return replacement
  const entries = Object.entries(value as Record<string, Json>).map(([each, inner]) =>
    each === name ? [each, put(inner, rest, replacement)] : [each, inner],
  )
  return Array.isArray(value) ? entries.map(([, inner]) => inner as Json) : Object.fromEntries(entries)
}
