import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import type { NewEvent } from '../domain/change.js'
import { KeypostError } from '../errors.js'
import { complaints } from '../schemas/complaints.js'
import { type Handler, nameOf } from './handler.js'

/** The schemas that handlers have for the data of their events: what does not fit is not even published. */
export class DataSchemas {
  readonly #schemas = new Map<string, { schema: TSchema; compiled: Validator }>()

  /** Throws for a schema that cannot be compiled. */
  constructor(handlers: Handler[]) {
    for (const { schema, ...handler } of handlers)
      if (schema !== undefined) this.#schemas.set(nameOf(handler), { schema, compiled: Compile(schema) })
  }

  /** @throws schema_mismatch */
  check(event: Pick<NewEvent, 'topic' | 'type' | 'data'>): void {
    const known = this.#schemas.get(nameOf(event))
    if (known === undefined || known.compiled.Check(event.data)) return
    throw new KeypostError(
      'schema_mismatch',
      'The data does not fit the schema that the handler of its type has.',
      complaints(known.compiled.Errors(event.data), known.schema).map(({ pointer, message }) => ({
        in: 'body',
        pointer: `/data${pointer}`,
        message,
      })),
    )
  }
}
