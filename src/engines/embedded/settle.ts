import { type NewResult, RESULTS_TOPIC, type Settled, type Settlement } from '../engine.js'
import { LeaseLost } from '../errors.js'
import { stateOf, withEntry } from '../stored.js'
import { resultTerms } from '../terms.js'
import { apply, failing, type Prepared, prepare } from './change.js'
import type { Context } from './context.js'
import { count } from './counters.js'
import { keys } from './keys.js'
import { close, open } from './open.js'
import { pastOf } from './read.js'
import { advanceWatermark } from './watermark.js'

interface Ready {
  settlement: Settlement
  change: Prepared
  announcement: string
  /** null: stays as it is. */
  history: string | null
}

export async function settle(
  context: Context,
  partition: number,
  token: string,
  settlements: Settlement[],
): Promise<Settled[]> {
  const { store, leases, batcher, wake } = context
  const ready = settlements.map((settlement) => makeReady(partition, settlement))
  const verdicts = await batcher.run(() => {
    if (!leases.holds(partition, token)) throw new LeaseLost(partition)
    const verdicts = ready.map((one) => settleOne(context, partition, one))
    advanceWatermark(store, partition)
    return verdicts
  })
  const settled = ready.filter((_, i) => verdicts[i] === 'settled')
  if (settled.some(({ change }) => change.events.length > 0)) wake(partition, 'events')
  if (settled.some(({ settlement }) => settlement.how === 'done')) wake(partition, 'results')
  return verdicts
}

function makeReady(partition: number, settlement: Settlement): Ready {
  return {
    settlement,
    change: prepare(partition, settlement.how === 'done' ? (settlement.change ?? {}) : {}),
    announcement: settlement.how === 'done' ? announcementOf(settlement.result) : '',
    history: settlement.entry === null ? null : withEntry(settlement.delivery, settlement.entry),
  }
}

const announcementOf = ({ announcement: { id, source }, delivered, body }: NewResult): string =>
  JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type: body.status === 'processed' ? 'event.processed' : 'event.dead',
    ...(body.subject === null ? {} : { subject: body.subject }),
    topic: RESULTS_TOPIC,
    data: body,
    delivered,
  })

/** Checks everything, then writes all of it. Later settlements of a batch see what earlier ones wrote. */
function settleOne({ store, clock }: Context, partition: number, ready: Ready): Settled {
  const { settlement, change } = ready
  const { event, position: at, revision } = settlement.delivery
  if (store.has(keys.done(partition, at)) || store.get(keys.event(event.id)) !== at) return 'already'
  if (pastOf(store, partition, at).revision !== revision) return 'already'
  if (failing(store, partition, change) !== null) return 'conflict'

  if (ready.history !== null) store.put(keys.history(partition, at), ready.history)
  close(store, partition, at)
  const was = stateOf(settlement.delivery)
  if (settlement.how === 'retry') {
    if (was === 'pending') count(store, partition, event.topic, { pending: -1, retrying: 1 })
    open(store, partition, at, settlement.delayMs)
    return 'settled'
  }

  const { status } = settlement.result.body
  const finished = clock.next(partition)
  store.put(keys.entry('results', partition, finished), ready.announcement)
  store.put(keys.done(partition, at), finished)
  store.put(keys.announcement(settlement.result.announcement.id), finished)
  for (const term of resultTerms(event, status))
    store.put(keys.index('results', partition, term, finished), '')
  count(store, partition, RESULTS_TOPIC, { published: 1 })
  count(store, partition, event.topic, { [was]: -1, [status]: 1 })
  apply(store, clock, partition, change)
  return 'settled'
}
