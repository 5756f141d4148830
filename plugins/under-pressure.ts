import underPressure from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { KeypostError } from '../src/errors.js'
import { isProbe } from './log.js'

/**
 * How long a turn of the event loop may take on average. Beyond it requests wait for several such turns, clients
 * give up and ask again, and nobody is served; far below it garbage collection or a busy neighbour would do.
 */
export const MAX_EVENT_LOOP_DELAY_MS = 500
/**
 * Over how long that average is taken. In a shorter time one long turn can be all there is to measure, as at the
 * start, and is no overload.
 */
const SAMPLE_MS = 5000

/**
 * Refuses requests while the event loop lags, before any work is done for them; probes are answered. A busy
 * processor alone is no reason: it is what batches and replays come to.
 */
export default fp(
  async (app) => {
    await app.register(underPressure, {
      maxEventLoopDelay: MAX_EVENT_LOOP_DELAY_MS,
      sampleInterval: SAMPLE_MS,
      pressureHandler: async (request) => {
        if (!isProbe(request)) throw new KeypostError('overloaded', 'Send the request again.')
      },
    })
  },
  { name: 'under-pressure', dependencies: ['problems', 'log'] },
)
