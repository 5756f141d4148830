import { AsyncLocalStorage } from 'node:async_hooks'
import type { NewEvent } from '../domain/change.js'

const current = new AsyncLocalStorage<string>()

/** A client may send any text as the id of its request: only what is made like one is kept with events. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Runs what belongs to a request: the events that it publishes, and those of their handlers, name it. */
export const withinRequest = <T>(id: string | undefined, run: () => T): T =>
  id !== undefined && UUID.test(id) ? current.run(id, run) : run()

/** An event with the request that it comes from, if it comes from one. */
export function withOrigin(event: NewEvent): NewEvent {
  const requestid = current.getStore()
  return requestid === undefined ? event : { ...event, requestid }
}
