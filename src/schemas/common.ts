import { type Static, type TSchema, Type } from 'typebox'

/** A UUIDv7 (RFC 9562 §5.7) in lower case whose last 16 bits are its placement (see domain/ids.ts). */
export const Id = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
  maxLength: 36,
  description: 'A UUIDv7.',
})

/** An instant as RFC 3339 writes it; Keypost answers in UTC with milliseconds. */
export const Timestamp = Type.String({
  format: 'date-time',
  maxLength: 40,
  description: 'RFC 3339, UTC, milliseconds.',
})

/** Labels that a client gives a record: at most 50 strings of at most 500 characters. */
export const Metadata = Type.Record(
  Type.String({ pattern: '^[^\\u0000]{1,100}$' }),
  Type.String({ maxLength: 500 }),
  {
    additionalProperties: false,
    maxProperties: 50,
    description: 'At most 50 strings of at most 500 characters.',
  },
)
export type Metadata = Static<typeof Metadata>

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** One page of a list. The end of the list is `nextCursor: null`, not a short page. */
export const PageOf = <T extends TSchema>(item: T, $id: string) =>
  Type.Object(
    { items: Type.Array(item), nextCursor: Nullable(Type.String({ maxLength: 2048 })) },
    { $id, additionalProperties: false },
  )

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}
