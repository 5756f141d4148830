import type { TSchema } from 'typebox'
import type { Engine, SettlementChange } from '../engines/engine.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { Outcome } from '../schemas/result.js'
import type { HandlerLog } from './handler-log.js'
import type { Publisher } from './publisher.js'
import type { BusSettings } from './settings.js'

/** What a handler may have otherwise than what is set for all. */
export type HandlerSettings = Partial<
  Pick<BusSettings, 'maxAttempts' | 'retryBaseMs' | 'retryCapMs' | 'handlerTimeoutMs'>
>

/** What is done with the events of one type on one topic. */
export interface Handler {
  topic: string
  type: string
  /** What the events' data must be like to be published (see data-schemas.ts). */
  schema?: TSchema
  settings?: HandlerSettings
  /**
   * Runs at least once for each event, and may run again after a crash: what it does elsewhere must be safe to
   * repeat. What it returns is written exactly once. A throw is a failed attempt, and is tried again later.
   */
  handle(event: KeypostEvent, context: HandlerContext): Promise<Handled> | Handled
}

export interface Handled {
  outcome: Outcome
  /** Written in the same atomic step as the result; in the event's own partition. */
  change?: SettlementChange
}

export interface HandlerContext {
  engine: Pick<Engine, 'get' | 'list'>
  publisher: Publisher
  /** Aborted when the attempt's time is over, or the partition is lost: what it still does is in vain. */
  signal: AbortSignal
  /** From 1. */
  attempt: number
  /** Its lines say which event they are about. */
  log: HandlerLog
}

/** An event that no handler asks for is recorded, with the fields that an update says it changed. */
export const record = (event: KeypostEvent): Handled => ({
  outcome: {
    code: 'recorded',
    ...(event.changed === undefined ? {} : { changed: event.changed === '' ? [] : event.changed.split(',') }),
  },
})

/** Finds the handler of an event by its topic and type. */
export class Registry {
  readonly #handlers = new Map<string, Handler>()

  constructor(
    handlers: Handler[],
    private readonly settings: BusSettings,
  ) {
    for (const handler of handlers) this.#handlers.set(nameOf(handler), handler)
  }

  /** `topic/type` of every handler. */
  get names(): string[] {
    return [...this.#handlers.keys()].sort()
  }

  /** The longest that any event is put off, in milliseconds. */
  get longestDelayMs(): number {
    const own = [...this.#handlers.values()].map(({ settings }) => settings?.retryCapMs ?? 0)
    return Math.max(this.settings.retryCapMs, ...own)
  }

  for(event: KeypostEvent): { name: string; handle: Handler['handle']; settings: BusSettings } {
    const name = nameOf(event)
    const handler = this.#handlers.get(name)
    if (handler === undefined) return { name: 'record', handle: record, settings: this.settings }
    return {
      name,
      handle: (event, context) => handler.handle(event, context),
      settings: { ...this.settings, ...handler.settings },
    }
  }
}

/** How handlers are told apart. */
export const nameOf = ({ topic, type }: { topic: string; type: string }): string => `${topic}/${type}`
