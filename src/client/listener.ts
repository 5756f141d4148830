import { endOf, read } from '../bus/follow.js'
import type { Engine } from '../engines/engine.js'
import type { EventOn } from './events.js'

/** The events of a topic as they are published; ends when the loop over it, or the bus, does. */
export interface Listener<Event> extends AsyncIterableIterator<Event> {
  /** Resolves once every event that is published from then on will come. */
  readonly ready: Promise<void>
}

/** Nothing is pushed: events wait in the log until they are asked for, so a slow reader costs no memory. */
export function listen<Topic extends string>(
  engine: Engine,
  topic: Topic,
  closed: AbortSignal,
): Listener<EventOn<Topic>> {
  const ended = new AbortController()
  const signal = AbortSignal.any([closed, ended.signal])
  const start = endOf(engine, { topic }, signal)
  const ready = start.then(() => {})
  ready.catch(() => {}) // the iteration tells of it as well

  async function* events() {
    for await (const { event } of read(engine, { topic }, await start, signal)) yield event as EventOn<Topic>
  }
  const iteration = events()
  return {
    ready,
    next: () => iteration.next(),
    return: () => {
      ended.abort()
      return iteration.return(undefined)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
