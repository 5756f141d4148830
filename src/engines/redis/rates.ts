import { RateLimiterRedis } from 'rate-limiter-flexible'
import type { RedisConnections } from './connections.js'
import { RATES } from './keys.js'
import { script } from './scripts.js'

/** Counts requests for all processes on one Redis. */
export const redisRates = ({ commands }: RedisConnections, points: number, windowSeconds: number) =>
  new RateLimiterRedis({
    storeClient: commands,
    keyPrefix: RATES,
    points,
    duration: windowSeconds,
    rejectIfRedisNotReady: true,
    customIncrTtlLuaScript: script('rate').lua,
  })
