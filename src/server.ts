import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { BODY_LIMIT } from '../plugins/body.js'
import type { OnFatal } from '../plugins/engine.js'
import { serializers } from '../plugins/log.js'
import { answer } from '../plugins/problems.js'
import { readableUrl } from '../plugins/protocol.js'
import { requestIdOf } from '../plugins/request-id.js'
import type { Config } from './config.js'
import type { HandlerDefinition } from './handlers/define.js'
import { MAX_HEADER_BYTES, newHttpServer } from './http.js'

export interface Surroundings {
  /** Where log lines go; standard output if there is none. */
  logTo?: { write(line: string): void }
  onFatal: OnFatal
  /** Beside those of the folder `HANDLERS`. */
  handlers?: HandlerDefinition[]
}

/** An HTTP server without any route: how it logs, what it bears, and how it says what it cannot read. */
export function newServer(config: Config, { logTo }: Surroundings): FastifyInstance {
  const app: FastifyInstance = Fastify({
    logger: { level: config.LOG_LEVEL, serializers, ...(logTo && { stream: logTo }) },
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    serverFactory: (listener) => newHttpServer(listener, (refused) => app.log.info(refused, 'refused')),
    clientErrorHandler: () => {}, // the server's own
    rewriteUrl: readableUrl,
    frameworkErrors: answer,
    // How long a part of the path may be is for its schema to say.
    routerOptions: { maxParamLength: MAX_HEADER_BYTES },
    bodyLimit: BODY_LIMIT,
    ...(config.trustedProxies.length > 0 && { trustProxy: config.trustedProxies }),
    // What is in hand at a stop is finished.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  })
  return app
}
