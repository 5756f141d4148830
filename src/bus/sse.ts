import type { Missed } from '../engines/engine.js'
import type { KeypostEvent } from '../schemas/event.js'

/** The messages of a stream of server-sent events (WHATWG HTML §9.2.5). No value in them holds a line break. */

/** How long a client waits before it connects again, in milliseconds. */
const RETRY_MS = 2000

/** At the start, so that a client knows that it hears everything from now on, and where that is. */
export const opening = (cursor: string): string => `: open\nretry: ${RETRY_MS}\nid: ${cursor}\n\n`

export const message = (event: KeypostEvent, cursor: string): string =>
  `id: ${cursor}\ndata: ${JSON.stringify(event)}\n\n`

/** Something was missed; what follows is what is kept. */
export const reset = (reason: Missed, cursor: string): string =>
  `event: reset\nid: ${cursor}\ndata: ${JSON.stringify({ reason })}\n\n`

/** Says that the connection lives, and, as a message without data is not told of, where the client stands by now. */
export const heartbeat = (cursor: string): string => `: still here\nid: ${cursor}\n\n`
