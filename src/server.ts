import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { BODY_LIMIT } from '../plugins/body.js'
import type { OnFatal } from '../plugins/engine.js'
import { serializers } from '../plugins/log.js'
import { answer, answerClientError } from '../plugins/problems.js'
import { requestIdOf } from '../plugins/request-id.js'
import type { Config } from './config.js'
import type { HandlerDefinition } from './handlers/define.js'

export interface Surroundings {
  /** Where log lines go; standard output if there is none. */
  logTo?: { write(line: string): void }
  onFatal: OnFatal
  /** Beside those of the folder `HANDLERS`. */
  handlers?: HandlerDefinition[]
}

/** An HTTP server without any route: how it logs, what it bears, and how it says what it cannot read. */
export const newServer = (config: Config, { logTo }: Surroundings): FastifyInstance =>
  Fastify({
    logger: { level: config.LOG_LEVEL, serializers, ...(logTo && { stream: logTo }) },
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    frameworkErrors: answer,
    clientErrorHandler: answerClientError,
    bodyLimit: BODY_LIMIT,
    // Slow senders must not hold connections for ever; what is in hand at a stop is finished.
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  })
