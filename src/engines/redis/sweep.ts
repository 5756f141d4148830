import type { Result } from '../../schemas/result.js'
import { RESULTS_TOPIC, type Retention, type Swept } from '../engine.js'
import { type Position, position } from '../positions.js'
import { logTerms, resultTerms } from '../terms.js'
import { counted, eventOf, itself, positionOf } from './encoding.js'
import { type PartitionKeys, partitionKeys } from './keys.js'
import { script } from './scripts.js'
import { Search } from './search.js'
import type { Store } from './store.js'

const eventsScript = script('sweep-events')
const resultsScript = script('sweep-results')
const pruneScript = script('prune')

/** Entries read at a time: each may be as large as a request. */
const PAGE = 64
/** Looked at a call for each that may be taken out, since some are passed over. */
const WALK = 4

type Entry = [id: string, fields: string[]]

/** What a script did with a page: `more` is false when it came to the page's end. */
type Reply = [taken: number, done: number, more: 0 | 1 | null, events?: number]

/** How far a stream was walked. */
interface Walk {
  /** Where to go on; the end, or what stopped it, sends the next walk back to the beginning. */
  at: Position
  more: boolean
}

/** At the beginning. */
const IDLE: Walk = { at: position(0, 0), more: false }

/**
 * Retention of every partition. Each call takes some steps of a walk over the log and of one over the results,
 * from the oldest on, and remembers how far they came, since what is kept for longer lies in between.
 */
export class Sweeper {
  readonly #events = new Map<number, Walk>()
  readonly #results = new Map<number, Walk>()
  readonly #searches = new Map<number, Search>()

  constructor(private readonly store: Store) {}

  async sweep(partition: number, { eventsBefore, resultsBefore, limit }: Retention): Promise<Swept> {
    const k = partitionKeys(partition)
    let events = 0
    const log = await this.#walk(k.log, this.#events.get(partition), eventsBefore, limit, async (page) => {
      const reply = (await this.store.run(eventsScript, eventsKeys(k), [
        limit - events,
        ...counted(page, eventArgs),
      ])) as Reply
      events += reply[0]
      return reply
    })
    this.#events.set(partition, log)

    let results = 0
    const old = await this.#walk(
      k.results,
      this.#results.get(partition),
      resultsBefore,
      limit,
      async (page) => {
        const reply = (await this.store.run(resultsScript, resultsKeys(k), [
          ...[RESULTS_TOPIC, limit - events, limit - results, eventsBefore],
          ...counted(page, resultArgs),
        ])) as Reply
        results += reply[0]
        events += reply[3] ?? 0
        return reply
      },
    )
    this.#results.set(partition, old)

    const expired = (await this.store.run(pruneScript, [k.claims, k.claimExpiries], [limit])) === 1
    const search = this.#searches.get(partition) ?? new Search(this.store, k)
    this.#searches.set(partition, search)
    const { lost, stray, more } = await search.step()
    return { events, results, more: log.more || old.more || expired || more, lost, stray }
  }

  async #walk(
    stream: string,
    { at }: Walk = IDLE,
    before: Position,
    limit: number,
    step: (page: Entry[]) => Promise<Reply>,
  ): Promise<Walk> {
    for (let seen = 0; seen < WALK * limit; seen += PAGE) {
      if (at >= before) return IDLE // a range that Redis takes for an error
      const page = await this.store.call((redis) =>
        redis.xrange(stream, `(${at}`, `(${before}`, 'COUNT', PAGE),
      )
      if (page.length === 0) return IDLE
      const [, done, more] = await step(page)
      const last = page[done - 1]
      if (last !== undefined) at = positionOf(last[0])
      if (more !== null) return more === 1 ? { at, more: true } : IDLE
      if (page.length < PAGE) return IDLE
    }
    return { at, more: true }
  }
}

const eventsKeys = (k: PartitionKeys) => [
  ...[k.log, k.events, k.history, k.logIndex, k.swept],
  ...[k.resultOf, k.results, k.marks, k.openOrder],
]

const resultsKeys = (k: PartitionKeys) => [
  ...[k.log, k.events, k.history, k.logIndex, k.swept],
  ...[k.resultOf, k.results, k.marks, k.announcements, k.resultIndex],
]

function eventArgs([id, fields]: Entry): string[] {
  const at = positionOf(id)
  const event = eventOf(at, fields)
  return [at, event.id, event.topic, ...counted(logTerms(event), itself)]
}

function resultArgs([id, fields]: Entry): string[] {
  const at = positionOf(id)
  const announcement = eventOf(at, fields)
  const { id: eventId, topic, type, subject, status } = announcement.data as Result
  const facts = { topic, type, ...(subject === null ? {} : { subject }) }
  return [
    ...[at, announcement.id, eventId, topic, status],
    ...counted(resultTerms(facts, status), itself),
    ...counted(logTerms(facts), itself),
  ]
}
