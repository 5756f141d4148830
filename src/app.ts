import Fastify, { type FastifyInstance, LogController } from 'fastify'
import answers from '../plugins/answers.js'
import body, { BODY_LIMIT } from '../plugins/body.js'
import cacheControl from '../plugins/cache-control.js'
import closing from '../plugins/closing.js'
import conditions from '../plugins/conditions.js'
import engine, { type OnFatal } from '../plugins/engine.js'
import log, { serializers } from '../plugins/log.js'
import methods from '../plugins/methods.js'
import pepper from '../plugins/pepper.js'
import problems, { answer, answerClientError } from '../plugins/problems.js'
import publisher from '../plugins/publisher.js'
import redis from '../plugins/redis.js'
import requestId, { requestIdOf } from '../plugins/request-id.js'
import subscriber from '../plugins/subscriber.js'
import swagger from '../plugins/swagger.js'
import validation from '../plugins/validation.js'
import events from '../routes/events.js'
import health from '../routes/health.js'
import keys from '../routes/keys.js'
import profiles from '../routes/profiles.js'
import results from '../routes/results.js'
import stats from '../routes/stats.js'
import topics from '../routes/topics.js'
import type { Config } from './config.js'

export interface Surroundings {
  /** Where log lines go; standard output if there is none. */
  logTo?: { write(line: string): void }
  onFatal: OnFatal
}

/** Keypost as one Fastify app: ready to listen, and to be closed. Throws Misconfigured. */
export async function buildApp(config: Config, { logTo, onFatal }: Surroundings): Promise<FastifyInstance> {
  const app = Fastify({
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

  // How requests are read and answered
  await app.register(requestId)
  await app.register(log)
  await app.register(cacheControl)
  await app.register(closing)
  await app.register(problems)
  await app.register(methods)
  await app.register(body)
  await app.register(validation)
  await app.register(conditions)
  await app.register(answers)
  await app.register(swagger)

  // What they are about
  await app.register(redis, { redisUrl: config.REDIS_URL ?? null })
  await app.register(pepper, config)
  await app.register(engine, { ...config, onFatal })
  await app.register(publisher, config)
  await app.register(subscriber, config)

  await app.register(keys)
  await app.register(profiles)
  await app.register(results)
  await app.register(events)
  await app.register(topics)
  await app.register(stats)
  await app.register(health)
  return app
}
