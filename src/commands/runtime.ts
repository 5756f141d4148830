import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { startWatchdog } from '../bus/watchdog.js'
import { type Config, ConfigError } from '../config.js'
import { Misconfigured } from '../engines/errors.js'
import type { Surroundings } from '../server.js'
import { version } from '../version.js'

/** What the environment and a file .env say; where both say something, the environment. */
export function environment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) {
    try {
      process.loadEnvFile()
    } catch {
      throw new ConfigError('.env: must be a file that can be read')
    }
  }
  return process.env
}

/** Compiling every schema may keep a busy machine longer than a short lease. */
const START_MS = 30_000

type Build = (config: Config, surroundings: Surroundings) => Promise<FastifyInstance>

/** Builds an app and listens until it is told to stop, then finishes what is in hand. */
export async function runApp(build: Build, config: Config): Promise<{ app: FastifyInstance; url: string }> {
  const logTo = process.stdout.isTTY ? await prettyLog() : process.stdout
  const app = await build(config, { logTo, onFatal: throwApart })
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
  const limitStall = startWatchdog(Math.max(config.LEASE_MS, START_MS))
  await app.listen({ host: config.HOST, port: config.PORT })
  limitStall(config.LEASE_MS)
  const { address, family, port } = app.server.address() as AddressInfo
  return { app, url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}` }
}

/** Who may use it, by the names of their tokens. */
export function accessOf({ tokens }: Config): string {
  if (tokens.length === 0) return 'everyone on this machine, as there are no API_TOKENS'
  return tokens.map(({ name, scopes }) => `${name} (${[...scopes].join(', ')})`).join(', ')
}

/** Says on standard output what runs, and where. */
export function banner(what: string, facts: Record<string, string>): void {
  const lines = [`Keypost ${version}${what}`]
  for (const [name, value] of Object.entries(facts)) lines.push(`  ${name.padEnd(10)}  ${value}`)
  console.log(process.stdout.isTTY ? `\n${lines.join('\n')}\n` : lines.join('\n'))
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
