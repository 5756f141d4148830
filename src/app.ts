import type { FastifyInstance } from 'fastify'
import answers from '../plugins/answers.js'
import asyncapi from '../plugins/asyncapi.js'
import { authentication, authorization } from '../plugins/auth.js'
import body from '../plugins/body.js'
import cacheControl from '../plugins/cache-control.js'
import closing from '../plugins/closing.js'
import conditions from '../plugins/conditions.js'
import cors from '../plugins/cors.js'
import engine from '../plugins/engine.js'
import handlers from '../plugins/handlers.js'
import helmet from '../plugins/helmet.js'
import hosts from '../plugins/hosts.js'
import idempotency from '../plugins/idempotency.js'
import lines from '../plugins/lines.js'
import log from '../plugins/log.js'
import methods from '../plugins/methods.js'
import metrics from '../plugins/metrics.js'
import pepper from '../plugins/pepper.js'
import prefer from '../plugins/prefer.js'
import problems from '../plugins/problems.js'
import protocol from '../plugins/protocol.js'
import publisher from '../plugins/publisher.js'
import { addressLimit, clientLimit } from '../plugins/rate-limit.js'
import redis from '../plugins/redis.js'
import requestId from '../plugins/request-id.js'
import streams from '../plugins/streams.js'
import subscriber from '../plugins/subscriber.js'
import swagger from '../plugins/swagger.js'
import timeouts from '../plugins/timeouts.js'
import tracing from '../plugins/tracing.js'
import underPressure from '../plugins/under-pressure.js'
import validation from '../plugins/validation.js'
import deadLetters from '../routes/dead-letters.js'
import eventStream from '../routes/event-stream.js'
import events from '../routes/events.js'
import health from '../routes/health.js'
import keys from '../routes/keys.js'
import metricsRoute from '../routes/metrics.js'
import profiles from '../routes/profiles.js'
import replays from '../routes/replays.js'
import results from '../routes/results.js'
import stats from '../routes/stats.js'
import topics from '../routes/topics.js'
import type { Config } from './config.js'
import { newServer, type Surroundings } from './server.js'

/** Keypost as one Fastify app: ready to listen, and to be closed. Throws Misconfigured. */
export async function buildApp(config: Config, surroundings: Surroundings): Promise<FastifyInstance> {
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
  await app.register(cors, config)
  await app.register(underPressure)
  await app.register(protocol)
  await app.register(redis, { redisUrl: config.REDIS_URL ?? null, waitReplicas: config.WAIT_REPLICAS })
  await app.register(addressLimit, config)
  await app.register(hosts, config)
  await app.register(authentication, config)
  await app.register(clientLimit)
  await app.register(authorization)
  await app.register(methods)
  await app.register(body)
  await app.register(validation)
  await app.register(conditions)
  await app.register(answers)
  await app.register(lines)
  await app.register(swagger)
  await app.register(asyncapi)

  // What they are about
  await app.register(handlers, { ...config, ...(surroundings.handlers && { given: surroundings.handlers }) })
  await app.register(pepper, config)
  await app.register(engine, { ...config, onFatal: surroundings.onFatal })
  await app.register(publisher, config)
  await app.register(idempotency, config)
  await app.register(prefer)
  await app.register(streams, config)
  await app.register(timeouts, {})
  await app.register(subscriber, config)

  await app.register(keys)
  await app.register(profiles)
  await app.register(results)
  await app.register(events)
  await app.register(eventStream)
  await app.register(topics)
  await app.register(deadLetters)
  await app.register(replays)
  await app.register(stats)
  await app.register(health)
  await app.register(metricsRoute)
  return app
}
