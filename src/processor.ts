import type { FastifyInstance } from 'fastify'
import { authentication, authorization } from '../plugins/auth.js'
import cacheControl from '../plugins/cache-control.js'
import closing from '../plugins/closing.js'
import engine from '../plugins/engine.js'
import handlers from '../plugins/handlers.js'
import helmet from '../plugins/helmet.js'
import hosts from '../plugins/hosts.js'
import log from '../plugins/log.js'
import methods from '../plugins/methods.js'
import metrics from '../plugins/metrics.js'
import pepper from '../plugins/pepper.js'
import problems from '../plugins/problems.js'
import protocol from '../plugins/protocol.js'
import publisher from '../plugins/publisher.js'
import { addressLimit, clientLimit } from '../plugins/rate-limit.js'
import redis from '../plugins/redis.js'
import requestId from '../plugins/request-id.js'
import subscriber from '../plugins/subscriber.js'
import tracing from '../plugins/tracing.js'
import validation from '../plugins/validation.js'
import health from '../routes/health.js'
import metricsRoute from '../routes/metrics.js'
import type { Config } from './config.js'
import { newServer, type Surroundings } from './server.js'

/** The subscriber without the API: over HTTP it only says how it is. Throws Misconfigured. */
export async function buildProcessor(config: Config, surroundings: Surroundings): Promise<FastifyInstance> {
  const app = newServer(config, surroundings)

  // How requests are read and answered
  await app.register(requestId)
  await app.register(log)
  await app.register(tracing)
  await app.register(metrics, config)
  await app.register(cacheControl)
  await app.register(closing)
  await app.register(problems)
  await app.register(helmet)
  await app.register(protocol)
  await app.register(redis, { redisUrl: config.REDIS_URL ?? null, waitReplicas: config.WAIT_REPLICAS })
  await app.register(addressLimit, config)
  await app.register(hosts, config)
  await app.register(authentication, config)
  await app.register(clientLimit)
  await app.register(authorization)
  await app.register(methods)
  await app.register(validation)

  // What they are about
  await app.register(handlers, config)
  await app.register(pepper, config)
  await app.register(engine, { ...config, onFatal: surroundings.onFatal })
  await app.register(publisher, config)
  await app.register(subscriber, { ...config, SUBSCRIBER: 'on' as const })

  await app.register(health)
  await app.register(metricsRoute)
  return app
}
