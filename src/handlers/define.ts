import type { Static, TSchema } from 'typebox'
import type { Handled, Handler, HandlerContext, HandlerSettings } from '../bus/handler.js'
import type { KeypostEvent } from '../schemas/event.js'

/** A handler for the events of one type on a topic of one's own: what a module in the folder `HANDLERS` exports. */
export interface HandlerDefinition<S extends TSchema = TSchema> {
  topic: string
  type: string
  /**
   * TypeBox or JSON Schema of the events' data. POST /topics/{topic}/events answers 422 to what does not fit, if
   * it is served by a process that has loaded the handlers too; else nothing is checked.
   */
  schema?: S
  settings?: HandlerSettings
  /**
   * Runs at least once for each event; a throw is a failed attempt, and is tried again later. `{outcome: {code, …}}`
   * is the outcome of the event, and `change` beside it is written with the result; any other value that it
   * returns is told in the outcome `{code: 'processed', value}`, nothing in `{code: 'processed'}`.
   */
  handle(event: Omit<KeypostEvent, 'data'> & { data: Static<S> }, context: HandlerContext): unknown
}

/** Types a handler; what it is given it answers. */
export const defineHandler = <S extends TSchema>(definition: HandlerDefinition<S>): HandlerDefinition<S> =>
  definition

/** As the bus has it. */
export const handlerOf = ({ handle, ...definition }: HandlerDefinition): Handler => ({
  ...definition,
  handle: async (event, context) => handledOf(await handle(event, context)),
})

function handledOf(returned: unknown): Handled {
  if (isHandled(returned)) return returned
  return {
    outcome: {
      code: 'processed',
      ...(returned === undefined || returned === null ? {} : { value: returned }),
    },
  }
}

const isHandled = (value: unknown): value is Handled => {
  const { outcome } = Object(value) as { outcome?: { code?: unknown } }
  return typeof outcome === 'object' && typeof outcome?.code === 'string'
}
