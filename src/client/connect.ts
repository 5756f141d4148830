import { Publisher } from '../bus/publisher.js'
import { type Log, settingsOf } from '../bus/settings.js'
import { startSubscriber } from '../bus/subscriber.js'
import { type Config, ConfigError, loadConfig } from '../config.js'
import type { Peppers } from '../domain/context.js'
import { pepperId } from '../domain/secrets.js'
import { openEmbedded } from '../engines/embedded/index.js'
import { pepperIn } from '../engines/embedded/pepper.js'
import { connect as connectRedis } from '../engines/redis/connections.js'
import { openRedis } from '../engines/redis/index.js'
import { standardHandlers } from '../handlers/index.js'
import { Bus } from './bus.js'

export type ConnectOptions = {
  /** A pino logger, or anything like one. Without it, nothing is logged. */
  log?: Log
  /** As KEYPOST_SOURCE of the service. */
  source?: string
  /** As WAIT_REPLICAS of the service. */
  waitReplicas?: number
} & (
  | {
      /** The Redis of the service: `redis://` or `rediss://`. */
      redisUrl: string
      /** As KEY_PEPPER of the service: while it is rotated, several by commas. */
      pepper: string
      dataDir?: never
    }
  | {
      /** The folder of an embedded engine, which is used by one process at a time: here its events are handled too. */
      dataDir: string
      /** As KEY_PEPPER. Absent: made once and kept in the folder. */
      pepper?: string
      redisUrl?: never
    }
)

/**
 * Connects to what Keypost keeps its data in. A Redis that cannot be reached yet is no error: until it can,
 * publishing throws `Unavailable`, and subscribers and listeners wait.
 * @throws ConfigError when an option does not fit, Misconfigured when the data or its server does not
 */
export async function connect(options: ConnectOptions): Promise<Bus> {
  const { redisUrl, dataDir, pepper, source, waitReplicas, log = silent } = options
  if ((redisUrl === undefined) === (dataDir === undefined))
    throw new ConfigError('connect: give either redisUrl or dataDir')
  const config = loadConfig({
    REDIS_URL: redisUrl,
    DATA_DIR: dataDir,
    KEY_PEPPER: pepper,
    KEYPOST_SOURCE: source,
    WAIT_REPLICAS: waitReplicas?.toString(),
  })
  return redisUrl === undefined ? embedded(config, log) : redis(redisUrl, config, log)
}

async function redis(url: string, config: Config, log: Log): Promise<Bus> {
  const connections = connectRedis(url, config.WAIT_REPLICAS)
  try {
    const engine = await openRedis({
      ...common(config, log),
      connections,
      onWarning: ({ code, message }) => log.warn({ code }, message),
    })
    const end = async () => {
      await engine.close()
      connections.close()
    }
    return new Bus({ engine, publisher: new Publisher(engine, publishing(config)), log, end })
  } catch (error) {
    connections.close()
    throw error
  }
}

async function embedded(given: Config, log: Log): Promise<Bus> {
  const dataDir = given.DATA_DIR
  const config = given.peppers.length > 0 ? given : { ...given, peppers: [await pepperIn(dataDir)] }
  const engine = await openEmbedded({
    ...common(config, log),
    dataDir,
    onWarning: ({ code, message }) => log.warn({ code }, message),
  })
  const publisher = new Publisher(engine, publishing(config))
  const subscriber = startSubscriber({
    engine,
    publisher: publisher.unlimited(),
    handlers: standardHandlers,
    settings: settingsOf(config),
    log,
  })
  const end = async () => {
    await subscriber.stop()
    await engine.close()
  }
  return new Bus({ engine, publisher, log, end })
}

const common = (config: Config, log: Log) => ({
  partitions: config.PARTITIONS,
  pepperIds: config.peppers.map(pepperId),
  // The engine answers `Unavailable` from then on.
  onFatal: (error: Error) => log.error({ err: error }, 'the engine cannot go on'),
})

const publishing = ({ peppers, ...config }: Config) => ({
  peppers: peppers as Peppers,
  source: config.KEYPOST_SOURCE,
  operationTtlMs: config.OPERATION_TTL_MS,
  maxUnfinished: config.MAX_UNFINISHED,
})

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
