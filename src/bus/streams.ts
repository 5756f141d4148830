import { once } from 'node:events'
import type { Engine } from '../engines/engine.js'
import { Unavailable } from '../engines/errors.js'
import { KeypostError } from '../errors.js'
import { within } from '../within.js'
import { EventStream } from './event-stream.js'
import { Feed } from './feed.js'
import { type Filter, pageAfter } from './follow.js'

/** In milliseconds. */
const TIMES = {
  /** Proxies and clients take a connection for dead on which nothing comes for a minute or less. */
  heartbeatMs: 15_000,
  /** A client that takes nothing for so long is cut off, and can go on later. */
  stalledMs: 30_000,
  /** How long a stop waits for clients to take the last that is on its way. */
  endMs: 1000,
}

/** The live streams of a process. */
export class Streams {
  readonly #feed: Feed
  readonly #open = new Map<EventStream, string>()
  /** By client, also of those that are about to open. */
  readonly #counts = new Map<string, number>()
  readonly #timer: NodeJS.Timeout
  #isClosed = false

  /** `maxPerClient`: so many may be open for one client at once. */
  constructor(
    private readonly engine: Engine,
    private readonly maxPerClient: number,
    private readonly times = TIMES,
  ) {
    this.#feed = new Feed(engine)
    this.#timer = setInterval(() => this.#beat(), times.heartbeatMs)
    this.#timer.unref()
  }

  get count(): number {
    return this.#open.size
  }

  /** Bytes that wait for clients. */
  get buffered(): number {
    return [...this.#open.keys()].reduce((sum, { readableLength }) => sum + readableLength, 0)
  }

  /**
   * What is published from now on, or comes after a cursor.
   * @throws KeypostError too_many_streams, unavailable
   * @throws BadCursor
   * @throws Unavailable
   */
  async open(client: string, filter: Filter, from: string | null): Promise<EventStream> {
    const count = this.#counts.get(client) ?? 0
    if (count >= this.maxPerClient)
      throw new KeypostError('too_many_streams', `A client may have ${this.maxPerClient} open at once here.`)
    this.#counts.set(client, count + 1)
    try {
      const start = from === null ? await this.#end(filter) : await this.#checked(filter, from)
      if (this.#isClosed) throw new Unavailable('no more streams are opened')
      const stream = new EventStream(this.#feed, filter, start)
      this.#open.set(stream, client)
      stream.once('close', () => {
        this.#open.delete(stream)
        this.#free(client)
      })
      return stream
    } catch (error) {
      this.#free(client)
      throw error
    }
  }

  /** Ends every stream; resolves when the clients have taken what was on its way, or were too slow for that. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    const ended = [...this.#open.keys()].map((stream) => {
      const closed = once(stream, 'close')
      stream.end()
      return closed
    })
    await within(this.times.endMs, Promise.all(ended), null)
    for (const stream of this.#open.keys()) stream.destroy()
  }

  #free(client: string): void {
    const count = (this.#counts.get(client) ?? 1) - 1
    if (count === 0) this.#counts.delete(client)
    else this.#counts.set(client, count)
  }

  async #end(filter: Filter): Promise<string> {
    const query = { ...filter, order: 'asc', follow: 'new', limit: 1 } as const
    const { nextCursor } = await this.engine.list('events', query)
    return nextCursor ?? ''
  }

  /** The feed will find what comes after it; here only whether it is one. */
  async #checked(filter: Filter, cursor: string): Promise<string> {
    const page = await pageAfter(this.engine, filter, cursor)
    if (page === null) throw new Unavailable('the log is out of reach')
    return cursor
  }

  #beat(): void {
    for (const stream of this.#open.keys()) {
      if (stream.stalledMs > this.times.stalledMs) stream.destroy()
      else stream.beat()
    }
  }
}
