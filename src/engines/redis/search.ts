import type { KeypostEvent } from '../../schemas/event.js'
import { type Delivery, RESULTS_TOPIC, type Swept } from '../engine.js'
import { type Position, timeAt } from '../positions.js'
import { pastIn } from '../stored.js'
import { term } from '../terms.js'
import { counted, itself } from './encoding.js'
import type { PartitionKeys } from './keys.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const balanceScript = script('balance')
const missingScript = script('missing')
const termsScript = script('terms')
const accountScript = script('account')

/** Of the ids of a partition's events: looked at in one script, and such pages a call. */
const IDS = 256
const PAGES = 64
/** Index entries looked at in one script. */
const ENTRIES = 1000
/** Found in one call at most, give or take a page. */
const FOUND = 1024

const BEGIN = '0'

type Missing = [id: string, at: Position, settled: 0 | 1, past: string | null]

/**
 * The search of one partition for events that somebody else took out of the log. It begins when there is less
 * than the counters say, and takes as many calls as it needs.
 *
 * What has no result is told, for the caller to settle; what has one is accounted for. So a lost event is
 * accounted for by the search after its settlement, whenever that is.
 */
export class Search {
  #cursor = BEGIN

  constructor(
    private readonly store: Store,
    private readonly keys: PartitionKeys,
  ) {}

  async step(): Promise<Pick<Swept, 'lost' | 'stray' | 'more'>> {
    const k = this.keys
    const [missing, stray] = (await this.store.run(
      balanceScript,
      [k.counters, k.swept, k.log, k.resultOf, k.due, k.watermark],
      [RESULTS_TOPIC],
    )) as [number, 0 | 1]
    if (missing <= 0) this.#cursor = BEGIN
    const found = missing > 0 ? await this.#page() : []
    const members = found.length === 0 ? new Map() : await this.#members(found)
    await this.#account(
      found.filter(([, , settled]) => settled === 1),
      members,
    )
    const lost = found.flatMap((event) => (event[2] === 1 ? [] : lostOf(event, members.get(event[1]) ?? [])))
    return { lost, stray: stray === 1, more: this.#cursor !== BEGIN }
  }

  async #page(): Promise<Missing[]> {
    const { events, log, resultOf, history } = this.keys
    const found = new Map<string, Missing>()
    for (let page = 0; page < PAGES && found.size < FOUND; page++) {
      const [cursor, missing] = (await this.store.run(
        missingScript,
        [events, log, resultOf, history],
        [this.#cursor, IDS],
      )) as [string, Missing[]]
      for (const one of missing) found.set(one[0], one)
      this.#cursor = cursor
      if (cursor === BEGIN) break
    }
    return [...found.values()]
  }

  /** By position, what the index of the log has of it: all that is still known of an event. */
  async #members(found: Missing[]): Promise<Map<Position, string[]>> {
    const members = new Map<Position, string[]>(found.map(([, at]) => [at, []]))
    let after: string | null = ''
    while (after !== null) {
      const [last, page] = (await this.store.run(
        termsScript,
        [this.keys.logIndex],
        [after, ENTRIES, ...members.keys()],
      )) as [string | null, string[]]
      for (const member of page) members.get(positionIn(member))?.push(member)
      after = last
    }
    return members
  }

  async #account(events: Missing[], members: Map<Position, string[]>): Promise<void> {
    if (events.length === 0) return
    const { events: ids, log, resultOf, history, logIndex, swept } = this.keys
    const args = ([id, at]: Missing) => [id, at, ...counted(members.get(at), itself)]
    await this.store.run(accountScript, [ids, log, resultOf, history, logIndex, swept], counted(events, args))
  }
}

const positionIn = (member: string): Position => member.slice(member.indexOf('\0') + 1)

/** None if not even its topic is known, under which it would have to be counted. */
function lostOf([id, position, , past]: Missing, members: string[]): Delivery[] {
  const textOf = (prefix: string) =>
    members.find((member) => member.startsWith(prefix))?.slice(prefix.length, -position.length - 1)
  const topic = textOf(term.topic(''))
  const type = textOf(term.type(''))
  const subject = textOf(term.subject(''))
  if (topic === undefined || type === undefined) return []
  const event: KeypostEvent = {
    specversion: '1.0',
    id,
    source: '/keypost',
    type,
    topic,
    ...(subject === undefined ? {} : { subject }),
    time: timeAt(position),
    data: undefined,
  }
  return [{ event, position, ...pastIn(past) }]
}
