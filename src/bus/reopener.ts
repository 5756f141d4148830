import type { Operation } from '../domain/context.js'
import type { Reopened } from '../domain/history.js'
import { placementOf } from '../domain/ids.js'
import type { Engine, Reopening, Trace } from '../engines/engine.js'

/** A conflict means that somebody else was faster; the trace says then what there is left to do. */
const MAX_TRIES = 16

type How = Reopening['how']
type Standing = Trace & { ended: NonNullable<Trace['ended']> }

/** Whether an event can be reopened so: as a dead letter that was not discarded, or as one that is processed. */
export const fits = (how: How, trace: Trace | null): trace is Standing =>
  trace !== null &&
  trace.ended !== null &&
  !trace.ended.discarded &&
  trace.ended.result.status === (how === 'replay' ? 'processed' : 'dead')

/** Takes back how events ended: reads what there is, decides, and does it again if it was not so any more. */
export class Reopener {
  constructor(private readonly engine: Pick<Engine, 'get' | 'reopen' | 'swap'>) {}

  /** Answers whether this operation has reopened the event, now or before; if not, it did not fit. */
  async reopen(how: How, eventId: string, operation: Operation): Promise<boolean> {
    for (let n = 0; n < MAX_TRIES; n++) {
      const trace = await this.engine.get('traces', eventId)
      if (!fits(how, trace)) break
      const entry = entryOf(how, trace)
      const { id: operationId, ttlMs: operationTtlMs } = operation
      const answer = await this.engine.reopen({ how, trace, entry, operationId, operationTtlMs })
      if (answer !== 'conflict') return true
    }
    return this.#wasDone(eventId, operation)
  }

  /** What it reopened before may be handled by now, or be waiting for that, and then does not fit any more. */
  async #wasDone(eventId: string, operation: Operation): Promise<boolean> {
    const claim = { name: `op:${operation.id}`, from: 'done', to: 'done' }
    return (await this.engine.swap(placementOf(eventId), claim)) === 'done'
  }
}

const entryOf = (how: How, { ended: { announcement, result } }: Standing): Reopened | null =>
  how === 'discard'
    ? null
    : {
        what: how === 'redrive' ? 'redriven' : 'replayed',
        at: new Date().toISOString(),
        replaced: announcement,
        was: { status: result.status, at: result.finishedAt },
      }

/** Runs side by side, but one subject's events in the order given, since they are handled in that in which they become due. */
export async function bySubject<T extends { id: string; subject?: string | null }, R>(
  items: T[],
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const last = new Map<string, Promise<R>>()
  const all = items.map((item) => {
    const lane = item.subject ?? item.id
    const before = last.get(lane)
    const now = before === undefined ? run(item) : before.then(() => run(item))
    last.set(lane, now)
    return now
  })
  return Promise.all(all)
}
