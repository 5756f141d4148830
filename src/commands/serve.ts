import { buildApp } from '../app.js'
import { loadConfig } from '../config.js'
import { accessOf, banner, environment, runApp } from './runtime.js'

/** `keypost serve`: the HTTP API, and unless `SUBSCRIBER=off` the handling of events. */
export async function serve(): Promise<void> {
  const config = loadConfig(environment())
  const { app, url } = await runApp(buildApp, config)
  banner('', {
    address: url,
    engine: app.redis === null ? `embedded, in ${config.DATA_DIR}` : `redis, at ${app.redis.address}`,
    access: accessOf(config),
    'Swagger UI': `${url}/docs`,
  })
}
