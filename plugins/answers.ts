import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { Published } from '../src/bus/publisher.js'
import type { Page } from '../src/schemas/common.js'
import { etag } from './conditions.js'

declare module 'fastify' {
  interface FastifyReply {
    /** Says which version a record has and which event announced it; answers the record. */
    published<T extends { version: number }>(published: Published<T>): T
    /** Links to the next page, if there is one; answers the page. */
    page<T>(page: Page<T>): Page<T>
  }
}

/** The headers that several resources answer with. */
export default fp(
  async (app) => {
    app.decorateReply('published', function <
      T extends { version: number },
    >(this: FastifyReply, { record, eventId }: Published<T>) {
      if (eventId !== null) this.header('keypost-event-id', eventId)
      this.header('etag', etag(record.version))
      return record
    })
    app.decorateReply('page', function <T>(this: FastifyReply, page: Page<T>) {
      if (page.nextCursor !== null) {
        const [path = '', query] = this.request.url.split('?')
        const next = new URLSearchParams(query)
        next.set('cursor', page.nextCursor)
        this.header('link', `<${path}?${next}>; rel="next"`)
      }
      return page
    })
  },
  { name: 'answers' },
)
