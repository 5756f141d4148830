import type { Operation } from '../domain/context.js'
import { newId, placementOf } from '../domain/ids.js'
import type { Claim, Engine } from '../engines/engine.js'
import { Conflict } from '../engines/errors.js'
import { KeypostError } from '../errors.js'
import type { Replay } from '../schemas/replay.js'

/** A replay and how far it has come. */
export interface Stored extends Replay {
  /** Of the list of events; null: from its beginning. */
  cursor: string | null
  /** How many pages are counted: whoever adds one names how many there were. */
  pages: number
}

/** Those of one partition: what runs, and what ended last. */
interface Listed {
  running: string[]
  ended: string[]
}

/** A replay that ended is kept so long, in milliseconds. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000
/** Lists are read whole. */
const MAX_ENDED = 50

const MAX_TRIES = 64

const LIST = 'replays'
const nameOf = (id: string) => `replay:${id}`

/**
 * Where replays are kept: each in a claim of the partition that its id belongs to, and the ids of a partition in
 * another. Both are changed at once, so that a replay runs if and only if it is listed as running.
 */
export class ReplayStore {
  constructor(private readonly engine: Pick<Engine, 'commit' | 'swap' | 'layout'>) {}

  /** Answers the replay as it is; of an operation that was carried out before, by now. */
  async create(replay: Stored, { id: operationId, ttlMs: operationTtlMs }: Operation): Promise<Stored> {
    const placement = placementOf(replay.id)
    const written = await this.#tries(async () => {
      const { text, listed } = await this.#list(placement)
      const claims = [
        { name: nameOf(replay.id), from: null, to: JSON.stringify(replay) },
        listing(text, { ...listed, running: [...listed.running, replay.id] }),
      ]
      return this.engine.commit({ operationId, operationTtlMs, placement, claims })
    })
    return written.replayed ? ((await this.read(replay.id)) ?? replay) : replay
  }

  async read(id: string): Promise<Stored | null> {
    const text = await this.#read(placementOf(id), nameOf(id))
    return text === null ? null : JSON.parse(text)
  }

  /** Newest first: all that run, and those that ended last. */
  async list(): Promise<Stored[]> {
    const partitions = Array.from({ length: this.engine.layout.partitions }, (_, partition) => partition)
    const lists = await Promise.all(partitions.map((partition) => this.#list(partition)))
    const ids = lists.flatMap(({ listed: { running, ended } }) => [...running, ...ended])
    const replays = await Promise.all(ids.map((id) => this.read(id)))
    return replays.filter((replay) => replay !== null).sort((a, b) => (a.id < b.id ? 1 : -1))
  }

  async running(partition: number): Promise<string[]> {
    return (await this.#list(partition)).listed.running
  }

  /** Changes a replay, unless `change` finds that there is nothing to change (null). Answers what is then. */
  update(id: string, change: (now: Stored) => Stored | null): Promise<Stored | null> {
    return this.#tries(async () => {
      const text = await this.#read(placementOf(id), nameOf(id))
      const now: Stored | null = text === null ? null : JSON.parse(text)
      const next = now && change(now)
      if (text === null || now === null || next === null) return now
      const ended = next.status === 'running' ? {} : { ttlMs: KEPT_MS }
      await this.#write(id, { name: nameOf(id), from: text, to: JSON.stringify(next), ...ended }, next, now)
      return next
    })
  }

  async #write(id: string, claim: Claim, next: Stored, now: Stored): Promise<void> {
    const placement = placementOf(id)
    if (next.status === now.status) {
      const found = await this.engine.swap(placement, claim)
      if (found !== claim.from) throw new Conflict({ what: 'claim', claim: claim.name, found })
      return
    }
    const { text, listed } = await this.#list(placement)
    const running = listed.running.filter((other) => other !== id)
    const claims = [claim, listing(text, { running, ended: [...listed.ended, id].slice(-MAX_ENDED) })]
    await this.engine.commit({ operationId: newId(placement), placement, claims })
  }

  async #list(placement: number): Promise<{ text: string | null; listed: Listed }> {
    const text = await this.#read(placement, LIST)
    return { text, listed: text === null ? { running: [], ended: [] } : JSON.parse(text) }
  }

  #read(placement: number, name: string): Promise<string | null> {
    return this.engine.swap(placement, { name, from: null, to: null })
  }

  /** What was read may be another by the time of the write; then it is read again. */
  async #tries<T>(attempt: () => Promise<T>): Promise<T> {
    for (let n = 0; n < MAX_TRIES; n++) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof Conflict)) throw error
      }
    }
    throw new KeypostError('conflict', 'Others kept changing the list of replays. Send the request again.')
  }
}

const listing = (from: string | null, to: Listed): Claim => ({ name: LIST, from, to: JSON.stringify(to) })
