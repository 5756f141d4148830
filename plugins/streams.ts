import { Readable } from 'node:stream'
import fp from 'fastify-plugin'
import { Streams } from '../src/bus/streams.js'
import type { Config } from '../src/config.js'
import { serializers } from './log.js'

declare module 'fastify' {
  interface FastifyInstance {
    streams: Streams
  }
}

/** Live streams. They end before the connections are waited for, and their clients come back by themselves. */
export default fp<Config>(
  async (app, { MAX_STREAMS }) => {
    const streams = new Streams(app.engine, MAX_STREAMS)
    app.decorate('streams', streams)
    app.metrics.counts('keypost_streams', 'Live streams that are open.', () => streams.count)
    app.addHook('preClose', () => streams.close())
    // An answer that its client leaves is none to Fastify, and would not be logged.
    app.addHook('onSend', (request, reply, payload, done) => {
      const { raw } = reply
      if (payload instanceof Readable)
        raw.once('close', () => {
          if (raw.writableFinished) return
          const ms = Math.round(reply.elapsedTime * 10) / 10
          request.log.info({ ...serializers.req(request), status: reply.statusCode, ms }, 'left')
        })
      done(null, payload)
    })
  },
  { name: 'streams', dependencies: ['engine', 'metrics', 'log'] },
)
