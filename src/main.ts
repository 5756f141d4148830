#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { ConfigError } from './config.js'
import { Misconfigured } from './engines/errors.js'
import { version } from './version.js'

const HELP = `Usage: keypost [command]

Commands:
  serve            serve the HTTP API and handle events (the default)
  process          only handle events, beside others that serve; needs REDIS_URL
  doctor           look at the engine and the data, without changing them
  doctor --json    the same as JSON
  openapi          write openapi/openapi.yaml from the schemas
  openapi --check  tell whether that file is what the schemas say

Options:
  -h, --help       print this
  -v, --version    print the version

Keypost is configured by environment variables, or by the same in a file .env: see .env.example.
"keypost process" does not look at SUBSCRIBER, and without PORT listens for /livez and /readyz on any free port.`

/** What went wrong before anything could be served, in one line; a stack is for bugs only. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof Misconfigured) return error.message
  if (!(error instanceof Error)) return String(error)
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code === 'EADDRINUSE')
    return `${address}:${port} is in use by another process: set PORT to another port`
  if (code === 'EADDRNOTAVAIL') return `${address} is not an address of this machine: set HOST to another`
  if (code === 'EACCES') return error.message
  if (code?.startsWith('ERR_PARSE_ARGS')) return `${error.message}\n\n${HELP}`
  return error.stack ?? error.message
}

async function main(args: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
      check: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const [command = 'serve'] = positionals
  if (values.help) console.log(HELP)
  else if (values.version) console.log(version)
  else if (command === 'serve') await (await import('./commands/serve.js')).serve()
  else if (command === 'process') await (await import('./commands/process.js')).processEvents()
  else if (command === 'doctor') await (await import('./commands/doctor.js')).doctor({ json: values.json })
  else if (command === 'openapi')
    await (await import('./commands/openapi.js')).openapi({ check: values.check })
  else throw new ConfigError(`there is no command "${command}"\n\n${HELP}`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(`keypost: ${explain(error)}`)
  process.exit(1)
}
