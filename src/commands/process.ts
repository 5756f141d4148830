import { ConfigError, loadConfig } from '../config.js'
import { buildProcessor } from '../processor.js'
import { accessOf, banner, environment, runApp } from './runtime.js'

/**
 * `keypost process`: handles events beside the processes that serve the API. `SUBSCRIBER` is theirs, and is not
 * looked at here, so that all of them may share one .env. It listens for /livez and /readyz alone, and unless
 * there is a `PORT` on any free port, so that many of them run side by side.
 */
export async function processEvents(): Promise<void> {
  const env = environment()
  const config = loadConfig({ ...env, PORT: env.PORT || '0' })
  if (config.REDIS_URL === undefined) {
    throw new ConfigError(
      'REDIS_URL: is required by `keypost process`, since the data of the embedded engine is used by one process ' +
        'alone: `keypost serve` handles its events itself',
    )
  }
  const { app, url } = await runApp(buildProcessor, config)
  banner(', processor', {
    address: url,
    engine: `redis, at ${app.redis?.address}`,
    access: accessOf(config),
  })
}
