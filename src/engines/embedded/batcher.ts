import { Conflict, LeaseLost, Unavailable } from '../errors.js'
import type { Store } from './store.js'

/** So that one group does not keep the event loop from everything else for long. */
const MAX_GROUP = 256

interface Item {
  /** Says what to answer once it is on the disk. */
  work(): () => void
  reject(error: Error): void
}

/**
 * Group commit. A flush to the disk costs the same for one write as for many, so whatever is asked for while
 * one transaction is on its way goes together into the next. A piece of work first checks everything, then
 * writes, so that one that refuses has written nothing and the others of its group are not concerned. Should
 * one break half-way, the whole group is taken back and the others run again without it.
 */
export class Batcher {
  #queue: Item[] = []
  #running: Promise<void> | null = null
  #closed: Error | null = null

  /** `onFatal`: the disk refused a write; nothing can be promised any more. */
  constructor(
    private readonly store: Store,
    private readonly before: () => void,
    private readonly onFatal: (error: Error) => void,
  ) {}

  /** Answers what `work` returned once it is on the disk. */
  run<T>(work: () => T): Promise<T> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({
        work: () => {
          try {
            const value = work()
            return () => resolve(value)
          } catch (error) {
            if (error instanceof Conflict || error instanceof LeaseLost) return () => reject(error)
            throw error
          }
        },
        reject,
      })
      this.#running ??= this.#drain()
    })
  }

  /** Takes no more, and resolves when what was taken is done. */
  async close(): Promise<void> {
    this.#closed ??= new Unavailable('the engine is closed')
    await this.#running
  }

  /** @throws Unavailable when nothing can be read or written any more. */
  check(): void {
    if (this.#closed !== null) throw this.#closed
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) await this.#commit(this.#queue.splice(0, MAX_GROUP))
    this.#running = null
  }

  async #commit(group: Item[]): Promise<void> {
    let current: Item | null = null
    try {
      const answers = await this.store.transaction(() => {
        this.before()
        const answers = group.map((item) => {
          current = item
          return item.work()
        })
        current = null
        return answers
      })
      for (const answer of answers) answer()
    } catch (error) {
      const broken: Item | null = current
      if (broken === null) return this.#stop(error as Error, group)
      ;(broken as Item).reject(error as Error)
      this.#queue.unshift(...group.filter((item) => item !== broken))
    }
  }

  #stop(error: Error, group: Item[]): void {
    const first = !(this.#closed instanceof Failed)
    const failed = new Failed(error.message)
    this.#closed = failed
    for (const item of [...group, ...this.#queue.splice(0)]) item.reject(failed)
    if (first) this.onFatal(failed)
  }
}

/** After this the engine stays down: what LMDB shows may not be on the disk. */
class Failed extends Unavailable {}
