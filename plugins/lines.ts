import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { wantsLines } from '../src/accept.js'
import { KeypostError } from '../src/errors.js'
import type { Page } from '../src/schemas/common.js'

/** Rows read at a time: as many as a page may have. */
const LIMIT = 200

interface Query {
  limit?: number
  cursor?: string
}

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Answers a page of a list, or, to who asks for application/x-ndjson, the whole list with an item a line.
     * @throws KeypostError invalid_request
     */
    list<T, Q extends Query>(
      query: Q,
      read: (query: Q & { limit: number }) => Promise<Page<T>>,
    ): Promise<Page<T> | Readable>
  }
}

/**
 * Whole lists, read page by page as the client takes them: neither they nor a snapshot of the data are held. If the
 * data is out of reach half-way, the connection is cut, so that nobody takes a part for the whole.
 */
export default fp(
  async (app) => {
    app.decorateReply('list', async function <
      T,
      Q extends Query,
    >(this: FastifyReply, query: Q, read: (query: Q & { limit: number }) => Promise<Page<T>>) {
      const vary = this.getHeader('vary')
      this.header('vary', vary === undefined ? 'Accept' : `${vary}, Accept`)
      if (!wantsLines(this.request.headers.accept)) return this.page(await read({ limit: 50, ...query }))
      const given = (['limit', 'cursor'] as const).filter((name) => query[name] !== undefined)
      if (given.length > 0) {
        throw new KeypostError(
          'invalid_request',
          'The whole list is answered as application/x-ndjson.',
          given.map((name) => ({ in: 'query', pointer: `/${name}`, message: 'belongs to pages alone' })),
        )
      }
      const all = { ...query, limit: LIMIT }
      // What can go wrong from the beginning has an answer of its own.
      const first = await read(all)
      this.type('application/x-ndjson')
      if (this.request.method === 'HEAD') return Readable.from([])
      return Readable.from(
        linesOf(first, (cursor) => read({ ...all, cursor })),
        { objectMode: false },
      )
    })
  },
  { name: 'lines', dependencies: ['answers'] },
)

async function* linesOf<T>(
  first: Page<T>,
  readAfter: (cursor: string) => Promise<Page<T>>,
): AsyncGenerator<string, void, undefined> {
  for (let page = first; ; page = await readAfter(page.nextCursor)) {
    for (const item of page.items) yield `${JSON.stringify(item)}\n`
    if (page.nextCursor === null) return
  }
}
