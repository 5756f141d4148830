import type { LimitFunction } from 'p-limit'
import { failuresIn } from '../domain/history.js'
import type { Delivery, Engine, Settled, Settlement } from '../engines/engine.js'
import { LeaseLost } from '../engines/errors.js'
import { type Attempt, attempt } from './attempt.js'
import { CRASHED } from './crashes.js'
import type { Handler, Registry } from './handler.js'
import { logAbout } from './handler-log.js'
import type { Observer } from './observer.js'
import { withinRequest } from './origin.js'
import type { Publisher } from './publisher.js'
import type { BusSettings, Log } from './settings.js'
import { LOST, settlementOf } from './settlement.js'
import type { Settler } from './settler.js'
import type { Takeover } from './takeover.js'
import { type Tracer, traceIdOf } from './tracer.js'

/** A handler whose record changes under it every time is at fault itself, in the end. */
const MAX_CONFLICTS = 20

type By = Parameters<typeof settlementOf>[2]
type Ended = Exclude<Attempt, { end: 'interrupted' }>

export interface HandlingParts {
  engine: Engine
  publisher: Publisher
  registry: Registry
  /** Shared by all workers of a process. */
  slots: LimitFunction
  /** One at a time in the whole process: for events that may end it. */
  guard: LimitFunction
  processor: string
  log: Log
  observer?: Observer | undefined
  tracer: Tracer
}

/** How a worker handles one event: runs its handler, side by side with others or alone, and settles how that ended. */
export class Handling {
  constructor(
    private readonly parts: HandlingParts,
    private readonly worker: {
      takeover: Takeover
      settler: Settler
      /** The lease is lost. */
      abandoned: AbortSignal
      /** Nothing new is to be started. */
      ending: AbortSignal
      abandon(): void
    },
  ) {}

  /** Handles and settles an event once; `interrupted` if that came to nothing. */
  async once(delivery: Delivery, conflicts: number): Promise<Settled | 'interrupted'> {
    const { registry, processor, log } = this.parts
    const { name: handler, handle, settings } = registry.for(delivery.event)
    const { crashes } = this.worker.takeover
    const by = { handler, processor, settings }
    const facts = factsOf(delivery)
    const culprit = crashes.culprit(delivery)
    if (culprit !== null) {
      const crash = failed(CRASHED, 'the process ended, or stood still, while the handler ran')
      return this.#end(delivery, crash, { ...by, processor: culprit })
    }
    const run =
      conflicts < MAX_CONFLICTS
        ? await this.#run(() => this.#attempt(handle, delivery, settings), delivery)
        : failed('conflict', 'the record kept changing under the handler')
    if (run.end !== 'interrupted') return this.#end(delivery, run, by)
    if (!this.worker.ending.aborted)
      log.warn({ ...facts, why: run.why }, 'handling was interrupted; trying again')
    return 'interrupted'
  }

  /** Runs side by side with others what nobody suspects, else alone. */
  async #run(run: () => Promise<Attempt>, delivery: Delivery): Promise<Attempt> {
    const { takeover } = this.worker
    if (takeover.suspects(delivery)) return this.parts.guard(() => this.#guarded(run, delivery))
    if (takeover.crashes.cautious) await takeover.calm
    return this.parts.slots(run)
  }

  async #guarded(run: () => Promise<Attempt>, delivery: Delivery): Promise<Attempt> {
    const { crashes } = this.worker.takeover
    // Who waited until now may have lost the partition: to note an event then is to blame it for nothing.
    if (this.worker.ending.aborted) return interrupted(GIVEN_UP)
    try {
      if (!(await crashes.suspect(delivery))) return interrupted('another processor is at it')
    } catch (error) {
      return interrupted(error instanceof Error ? error.message : 'it could not be noted')
    }
    const ended = await run()
    await crashes.acquit().catch(() => {})
    return ended
  }

  /** An event whose entry is gone cannot be handled, but has a result all the same. */
  async bury(delivery: Delivery): Promise<void> {
    const { registry, processor, log } = this.parts
    const { name: handler, settings } = registry.for(delivery.event)
    log.error(
      { alarm: 'event_lost', ...factsOf(delivery) },
      'the event was taken out of the log from outside',
    )
    const lost = failed(LOST, 'the event was taken out of the log before it was handled')
    await this.#end(delivery, lost, { handler, processor, settings })
  }

  /** Settles an event; as a failure if the engine cannot take what the handler returned. */
  async #end(delivery: Delivery, run: Ended, by: By): Promise<Settled | 'interrupted'> {
    try {
      return await this.#settle(delivery, run, by)
    } catch (error) {
      if (error instanceof LeaseLost) {
        this.worker.abandon()
        return 'interrupted'
      }
      this.parts.log.error({ ...factsOf(delivery), err: error }, 'the engine cannot take this settlement')
      const failure = failed('not_settled', 'what the handler returned could not be written')
      return this.#settle(delivery, failure, by).catch(() => 'interrupted' as const)
    }
  }

  async #settle(delivery: Delivery, run: Ended, by: By): Promise<Settled> {
    const settlement = settlementOf(delivery, run, by)
    const settled = await this.worker.settler.settle(settlement)
    if (settled !== 'settled') return settled
    this.#tell(delivery, settlement, run)
    return settled
  }

  /** One line an attempt that counts. */
  #tell({ event, history }: Delivery, settlement: Settlement, run: Ended): void {
    const { log, observer } = this.parts
    const { durationMs } = run
    // The clock that stamped the event may be another's.
    const latencyMs = Math.max(0, Date.now() - Date.parse(event.time))
    const facts = { ...factsOf({ event, history }), durationMs, latencyMs }
    if (run.end === 'handled') log.info(facts, 'event processed')
    else if (settlement.how === 'retry')
      log.warn({ ...facts, error: run.error }, 'attempt failed; trying again')
    else log.error({ ...facts, error: run.error }, 'event is dead')
    const how = run.end === 'handled' ? 'processed' : settlement.how === 'retry' ? 'retry' : 'dead'
    observer?.settled(event, how, latencyMs)
    if (settlement.how === 'done')
      for (const next of settlement.change?.events ?? []) observer?.published(next)
  }

  async #attempt(handle: Handler['handle'], delivery: Delivery, settings: BusSettings): Promise<Attempt> {
    if (this.worker.ending.aborted) return interrupted(GIVEN_UP)
    const { engine, publisher, log, tracer, observer } = this.parts
    const facts = factsOf(delivery)
    const context = { engine, publisher, attempt: facts.attempt, log: logAbout(log, facts) }
    const { event } = delivery
    const { abandoned } = this.worker
    const run = await withinRequest(event.requestid, () =>
      tracer.process(event, () => attempt(handle, event, context, settings.handlerTimeoutMs, abandoned)),
    )
    observer?.handled(event, run.durationMs)
    return run
  }
}

const GIVEN_UP = 'the partition is being given up'

const interrupted = (why: string) => ({ end: 'interrupted', why, durationMs: 0 }) as const

const failed = (code: string, message: string) =>
  ({ end: 'failed', error: { code, message }, durationMs: 0 }) as const

const factsOf = ({ event, history }: Pick<Delivery, 'event' | 'history'>) => ({
  eventId: event.id,
  topic: event.topic,
  type: event.type,
  attempt: failuresIn(history).length + 1,
  requestId: event.requestid,
  traceId: traceIdOf(event.traceparent),
})
