import { AsyncLocalStorage } from 'node:async_hooks'
import type { NewEvent } from '../domain/change.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { Attempt } from './attempt.js'

/**
 * Follows what belongs together from a request to the handlers of its events and on to what these publish, across
 * processes: by the `traceparent` that each event carries (W3C Trace Context; for CloudEvents its Distributed
 * Tracing extension).
 */
export interface Tracer {
  /** Runs what belongs to a trace: the events that it publishes carry it on. */
  within<T>(traceparent: string | undefined, run: () => T): T
  /** Commits events, which are given the `traceparent` of whatever publishes them. */
  send<T>(events: NewEvent[], commit: (events: NewEvent[]) => Promise<T>): Promise<T>
  /** Runs a handler as part of its event's trace. */
  process(event: KeypostEvent, run: () => Promise<Attempt>): Promise<Attempt>
}

const current = new AsyncLocalStorage<string>()

/** The trace that is going on; undefined: none. */
export const currentTrace = (): string | undefined => current.getStore()

/** Hands on the traces of others, unchanged, and has none of its own. Costs nothing until there is one. */
export const passingOn: Tracer = {
  within: (traceparent, run) => (traceparent === undefined ? run() : current.run(traceparent, run)),
  send: (events, commit) => commit(events.map((event) => carrying(event, currentTrace()))),
  process: (event, run) => passingOn.within(event.traceparent, run),
}

/** An event that came with a trace keeps it. */
export const carrying = (event: NewEvent, traceparent: string | undefined): NewEvent =>
  traceparent === undefined || event.traceparent !== undefined ? event : { ...event, traceparent }

/** Version 00; neither the trace nor the parent may be all zeros. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** A `traceparent` as it was sent, if it is a valid one. */
export const traceparentIn = (sent: unknown): string | undefined =>
  typeof sent === 'string' && TRACEPARENT.test(sent) ? sent : undefined

/** For logs. Undefined for what is none. */
export const traceIdOf = (traceparent: string | undefined): string | undefined =>
  traceparentIn(traceparent)?.slice(3, 35)
