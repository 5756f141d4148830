import { RESULTS_TOPIC, type Settled, type Settlement } from '../engine.js'
import { LeaseLost } from '../errors.js'
import { stateOf, withEntry } from '../stored.js'
import { resultTerms } from '../terms.js'
import { changeArgs, counted, itself } from './encoding.js'
import { partitionKeys, settleKeys, WAKE } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const settleScript = script('settle')

/** Redis does nothing else while it runs a script, so a large batch goes in parts, each complete in itself. */
const BATCH = 128

export async function settle(
  store: Store,
  partition: number,
  token: string,
  settlements: Settlement[],
): Promise<Settled[]> {
  const verdicts: Settled[] = []
  do {
    const part = settlements.slice(verdicts.length, verdicts.length + BATCH)
    const reply = (await store.write(settleScript, settleKeys(partitionKeys(partition)), [
      WAKE,
      partition,
      token,
      RESULTS_TOPIC,
      ...counted(part, settlementArgs),
    ])) as Settled[] | 'lease-lost'
    if (reply === 'lease-lost') throw new LeaseLost(partition)
    verdicts.push(...reply)
  } while (verdicts.length < settlements.length)
  return verdicts
}

function settlementArgs(settlement: Settlement): string[] {
  const { delivery, entry } = settlement
  const { event, position } = delivery
  const common = [
    event.id,
    position,
    event.topic,
    String(delivery.revision),
    stateOf(delivery),
    entry === null ? '' : withEntry(delivery, entry),
    settlement.how,
  ]
  if (settlement.how === 'retry') return [...common, String(settlement.delayMs)]
  const { announcement, delivered, body } = settlement.result
  return [
    ...common,
    body.status,
    announcement.id,
    JSON.stringify({
      specversion: '1.0',
      ...announcement,
      type: `event.${body.status}`,
      ...(event.subject === undefined ? {} : { subject: event.subject }),
      topic: RESULTS_TOPIC,
    }),
    JSON.stringify(body),
    `${delivered.at} ${delivered.processor}`,
    ...counted(resultTerms(event, body.status), itself),
    ...changeArgs(settlement.change ?? {}),
  ]
}
