import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../app.js'
import { settingsOf } from '../bus/settings.js'
import { startSubscriber } from '../bus/subscriber.js'
import { loadConfig } from '../config.js'
import { standardHandlers } from '../handlers/index.js'
import { demoHandlers } from './handlers.js'

export interface Throwaway {
  url: string
  /** Ends it, and its data with it. */
  close(): Promise<void>
}

/**
 * Keypost on the embedded engine in a folder of its own, on any free port, whatever the environment says. Its
 * subscriber is started here, since it has more handlers than those of Keypost.
 */
export async function startThrowaway(): Promise<Throwaway> {
  const folder = await mkdtemp(join(tmpdir(), 'keypost-demo-'))
  const config = loadConfig({ DATA_DIR: folder, PORT: '0', SUBSCRIBER: 'off', LOG_LEVEL: 'silent' })
  const app = await buildApp(config, {
    onFatal: (error) => {
      throw error
    },
  })
  await app.listen({ host: config.HOST, port: config.PORT })
  const subscriber = startSubscriber({
    engine: app.engine,
    publisher: app.publisher.unlimited(),
    handlers: [...standardHandlers, ...demoHandlers],
    settings: settingsOf(config),
    log: app.log,
  })
  const { port } = app.server.address() as AddressInfo
  return {
    url: `http://${config.HOST}:${port}`,
    close: async () => {
      await subscriber.stop()
      await app.close()
      await rm(folder, { recursive: true })
    },
  }
}
