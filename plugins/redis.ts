import fp from 'fastify-plugin'
import { connect, type RedisConnections } from '../src/engines/redis/connections.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The connections to Redis; null on the embedded engine. */
    redis: RedisConnections | null
  }
}

export interface RedisPluginOptions {
  /** null: the engine is embedded. */
  redisUrl: string | null
  waitReplicas: number
}

/** Owns the connections to Redis: opens them without waiting, says when they come and go, closes them last. */
export default fp<RedisPluginOptions>(
  async (app, { redisUrl, waitReplicas }) => {
    const connections = redisUrl === null ? null : connect(redisUrl, waitReplicas)
    app.decorate('redis', connections)
    if (connections === null) return

    const { commands, address } = connections
    let reachable = true
    commands.on('ready', () => {
      if (!reachable) app.log.info({ redis: address }, 'Redis is back')
      reachable = true
    })
    const onClose = () => {
      if (reachable) app.log.warn({ redis: address, problem: connections.problem() }, 'Redis is out of reach')
      reachable = false
    }
    commands.on('close', onClose)
    app.addHook('onClose', async () => {
      commands.off('close', onClose)
      connections.close()
    })
  },
  { name: 'redis' },
)
