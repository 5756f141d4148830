#!/usr/bin/env node
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { help } from './commands/help.js'
import { ConfigError } from './config.js'
import { Misconfigured } from './engines/errors.js'
import { version } from './version.js'

interface Command {
  /** Its one switch, beside those that all have. */
  flag?: string
  /** How many arguments it takes at most. */
  takes?: number
  run(flag: boolean, args: string[]): Promise<void>
}

// What a command needs is loaded when it runs.
const commands: Record<string, Command> = {
  serve: { run: async () => (await import('./commands/serve.js')).serve() },
  process: { run: async () => (await import('./commands/process.js')).processEvents() },
  demo: {
    takes: 1,
    run: async (_, [url]) => (await import('./commands/demo.js')).demo(url),
  },
  doctor: {
    flag: 'json',
    run: async (json) => (await import('./commands/doctor.js')).doctor({ json }),
  },
  token: {
    takes: 2,
    run: async (_, [name, scopes]) => (await import('./commands/token.js')).token(name, scopes),
  },
  openapi: {
    flag: 'check',
    run: async (check) => (await import('./commands/openapi.js')).openapi({ check }),
  },
}

const COMMON = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} satisfies ParseArgsConfig['options']

/** How a command is to be used, with what was wrong. */
const usage = (message: string, name: string): ConfigError => new ConfigError(`${message}\n\n${help[name]}`)

async function main(args: string[]): Promise<void> {
  const at = args.findIndex((arg) => !arg.startsWith('-'))
  const name = args[at] ?? 'serve'
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw usage(`there is no command "${name}"`, 'keypost')
  const { values, positionals } = parsed(args.toSpliced(at, at < 0 ? 0 : 1), name, command)
  if (values.help) console.log(help[at < 0 ? 'keypost' : name])
  else if (values.version) console.log(version)
  else await command.run(command.flag !== undefined && values[command.flag] === true, positionals)
}

/** @throws ConfigError for what the command does not take */
function parsed(args: string[], name: string, { flag, takes = 0 }: Command) {
  const options: ParseArgsConfig['options'] = { ...COMMON, ...(flag && { [flag]: { type: 'boolean' } }) }
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const surplus = positionals[takes]
    if (surplus !== undefined) throw new Error(`"${surplus}" is an argument too many`)
    return { values, positionals }
  } catch (error) {
    throw usage((error as Error).message, name)
  }
}

/** What went wrong before anything could be served, in one line; a stack is for bugs only. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof Misconfigured) return error.message
  if (!(error instanceof Error)) return String(error)
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code === 'EADDRINUSE')
    return `${address}:${port} is in use by another process: set PORT to another port`
  if (code === 'EADDRNOTAVAIL') return `${address} is not an address of this machine: set HOST to another`
  if (code === 'EACCES') return error.message
  return error.stack ?? error.message
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(`keypost: ${explain(error)}`)
  process.exit(1)
}
