import type { Readable } from 'node:stream'
import { type Static, type TSchema, Type } from 'typebox'
import './formats.js'

/** A UUIDv7 (RFC 9562 §5.7) in lower case whose last 16 bits are its placement (see domain/ids.ts). */
export const Id = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
  maxLength: 36,
  description: 'A UUIDv7.',
  examples: ['0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f'],
})

/** An instant as RFC 3339 writes it; Keypost answers in UTC with milliseconds. */
export const Timestamp = Type.String({
  format: 'date-time',
  maxLength: 40,
  description: 'RFC 3339, UTC, milliseconds.',
  examples: ['2026-01-31T12:00:00.000Z'],
})

/** Any characters but NUL, which separates the parts of an index entry, and halves of surrogate pairs. */
const TEXT = '[^\\u0000\\ud800-\\udfff]'
export const Text = (limits: { minLength?: number; maxLength: number; description?: string }) =>
  Type.String({ pattern: `^${TEXT}*$`, ...limits })

/** `schema` or null, as one schema with two types: an error then says one thing, not three. */
export const Nullable = <T extends TSchema & { type?: string }>(schema: T) =>
  Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, 'null'] })

const MetadataName = Type.String({ pattern: `^${TEXT}{1,100}$` })
/** Labels that a client gives a record: at most 50 strings of at most 500 characters. */
export const Metadata = Type.Record(MetadataName, Text({ maxLength: 500 }), {
  additionalProperties: false,
  maxProperties: 50,
  description: 'At most 50 strings of at most 500 characters.',
})
export type Metadata = Static<typeof Metadata>

/** A JSON merge patch of metadata: null takes an entry away. */
export const MetadataPatch = Type.Record(MetadataName, Nullable(Text({ maxLength: 500 })), {
  additionalProperties: false,
  maxProperties: 100,
  description: 'A JSON merge patch: null takes an entry away. At most 50 entries may be left.',
})

/** One page of a list. The end of the list is `nextCursor: null`, not a short page. */
export const PageOf = <T extends TSchema>(item: T, $id: string) =>
  Type.Object(
    {
      items: Type.Array(item),
      nextCursor: Nullable(Type.String({ description: 'Pass it as `cursor`; null: this is the last page.' })),
    },
    { $id, additionalProperties: false, examples: [{ items: example(item), nextCursor: null }] },
  )

const example = (schema: TSchema & { examples?: unknown }): unknown => schema.examples

export const IdParams = Type.Object({ id: Id }, { additionalProperties: false })

/**
 * In an ascending list or a stream a cursor is some characters for each partition: these are enough for the most that
 * there may be (256), and headers hold them.
 */
export const MAX_CURSOR = 12_000

export const paging = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'How many items a page may have.' }),
  ),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: MAX_CURSOR,
      description: 'The `nextCursor` of the page before.',
      examples: ['eyJ2IjoxfQ'],
    }),
  ),
}

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

/** Items as newline-delimited JSON; `name` says of what. */
export const LinesOf = (name: string, $id: string, examples: unknown[] = []) =>
  Type.Unsafe<Readable>(
    Type.String({
      $id,
      description: `The whole list, however long: one \`${name}\` a line, as JSON.`,
      examples: examples.map((example) => `${JSON.stringify(example)}\n`),
    }),
  )
