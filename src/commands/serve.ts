import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../app.js'
import { type Config, ConfigError, loadConfig } from '../config.js'
import { Misconfigured } from '../engines/errors.js'
import { version } from '../version.js'

/** `keypost serve`: listens until it is told to stop, then finishes what is in hand. */
export async function serve(): Promise<void> {
  loadEnvFile()
  const config = loadConfig(process.env)
  const logTo = process.stdout.isTTY ? await prettyLog() : process.stdout
  const app = await buildApp(config, { logTo, onFatal: throwApart })
  closeWithGrace(
    {
      delay: config.SHUTDOWN_MS,
      logger: false,
      onSecondSignal: () => app.log.warn('stopped at once, by a second signal'),
      onTimeout: (ms) => app.log.warn(`stopped after ${ms} ms, with work still in hand`),
    },
    async ({ err, signal }) => {
      if (err instanceof Misconfigured) console.error(`keypost: ${err.message}`)
      else if (err) app.log.fatal({ err }, 'stopping')
      else app.log.info({ signal }, 'stopping')
      await app.close()
    },
  )
  await app.listen({ host: config.HOST, port: config.PORT })
  console.log(banner(config, app))
}

function loadEnvFile(): void {
  if (!existsSync('.env')) return
  try {
    process.loadEnvFile()
  } catch {
    throw new ConfigError('.env: must be a file that can be read')
  }
}

/** Out of whatever runs, to the process: it logs the error, closes the app and exits with 1. */
const throwApart = (error: Error): void =>
  queueMicrotask(() => {
    throw error
  })

const prettyLog = async () =>
  (await import('pino-pretty')).default({
    colorize: true,
    singleLine: true,
    ignore: 'pid,hostname',
    translateTime: 'HH:MM:ss.l',
  })

function banner(config: Config, app: FastifyInstance): string {
  const { address, family, port } = app.server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  const where = app.redis === null ? `embedded, in ${config.DATA_DIR}` : `redis, at ${app.redis.address}`
  const lines = [
    `Keypost ${version}`,
    `  address     ${url}`,
    `  engine      ${where}`,
    `  Swagger UI  ${url}/docs`,
  ]
  return process.stdout.isTTY ? `\n${lines.join('\n')}\n` : lines.join('\n')
}
