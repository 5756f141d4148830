import { isIPv4 } from 'node:net'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { originIn, proxyIn } from './network.js'
import { parseTokens, type Token } from './tokens.js'

const milliseconds = (value: number, description: string) =>
  Type.Integer({ default: value, minimum: 1, maximum: 86_400_000, description })

const DAY_MS = 86_400_000

/** A hundred a second: more than people and their scripts need, and less than what a process can answer. */
const DEFAULT_RATE_LIMIT = 6000

const age = (days: number, description: string) =>
  Type.Integer({ default: days * DAY_MS, minimum: 1, maximum: 3660 * DAY_MS, description })

/**
 * Every variable that Keypost reads from its environment. A test holds this table and `.env.example`
 * together; a value that does not fit stops the start.
 */
export const Environment = Type.Object({
  HOST: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description: 'Where to listen. Anything but loopback needs API_TOKENS.',
  }),
  PORT: Type.Integer({
    default: 3000,
    minimum: 0,
    maximum: 65535,
    description: 'Where to listen; 0: any free port.',
  }),
  REDIS_URL: Type.Optional(
    Type.String({
      pattern: '^rediss?://',
      description: 'Run on this Redis (redis:// or rediss://). Unset: on the embedded engine.',
    }),
  ),
  DATA_DIR: Type.String({
    default: '.data',
    minLength: 1,
    description: 'The folder of the embedded engine. One process at a time.',
  }),
  KEY_PEPPER: Type.Optional(
    Type.String({
      pattern: '^[^,]{32,}(,[^,]{32,})*$',
      description:
        'Secrets that fingerprints are made with, by commas, each of at least 32 characters. The first writes, all match. Unset: made once and kept in DATA_DIR; on Redis required.',
    }),
  ),
  API_TOKENS: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 65_536,
      description:
        'Who may use the API: name:scopes:sha256 of a token, by commas. Scopes: read, write, admin, joined by +. Two of a name may live at once. Unset: everyone who reaches it.',
    }),
  ),
  RATE_LIMIT: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100_000_000,
      description:
        'How many requests a minute a token, or without one an address, may send. Unset: 6000 with API_TOKENS, else no limit.',
    }),
  ),
  MAX_STREAMS: Type.Integer({
    default: 100,
    minimum: 1,
    maximum: 100_000,
    description:
      'How many live streams a token, or without one an address, may have open at once in a process.',
  }),
  TRUST_PROXY: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      description:
        'The addresses or networks (CIDR, by commas) of proxies whose X-Forwarded-For is believed. Unset: none.',
    }),
  ),
  CORS_ORIGINS: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      description: 'The origins (by commas) whose pages may call the API from a browser. Unset: none.',
    }),
  ),
  SUBSCRIBER: Type.Enum(['on', 'off'], {
    default: 'on',
    description: 'off: another process handles the events.',
  }),
  HANDLERS: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'A folder of modules that handle the events of other topics: see docs/handlers.md.',
    }),
  ),
  PARTITIONS: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 256,
      description: 'Fixed at the first boot. Unset: 1 on the embedded engine, 8 on Redis.',
    }),
  ),
  LEASE_MS: Type.Integer({
    default: 10_000,
    minimum: 500,
    maximum: 86_400_000,
    description:
      'A process that is silent for so long loses its partitions to another, and one that stands still for so long is ended.',
  }),
  MAX_ATTEMPTS: Type.Integer({
    default: 5,
    minimum: 1,
    maximum: 100,
    description: 'How often an event is tried before it is dead.',
  }),
  RETRY_BASE_MS: milliseconds(
    1_000,
    'The longest wait before the first retry; doubles with every further one.',
  ),
  RETRY_CAP_MS: milliseconds(300_000, 'The longest wait before any retry.'),
  HANDLER_TIMEOUT_MS: milliseconds(30_000, 'An attempt that takes longer has failed.'),
  CONCURRENCY: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 10_000,
    description: 'How many handlers run side by side.',
  }),
  MAX_UNFINISHED: Type.Integer({
    default: 100_000,
    minimum: 1,
    maximum: 100_000_000,
    description: 'With so many unfinished events, requests that would publish more are answered with 503.',
  }),
  EVENT_TTL_MS: age(
    7,
    'How long an event is kept that is settled; dead ones are kept as long as their results.',
  ),
  RESULT_TTL_MS: age(30, 'How long a result is kept; at least EVENT_TTL_MS.'),
  OPERATION_TTL_MS: milliseconds(
    7_200_000,
    'How long a write is recognised when it is sent again; one with an Idempotency-Key for a day.',
  ),
  REPLAY_RATE: Type.Integer({
    default: 100,
    minimum: 1,
    maximum: 100_000,
    description: 'How many events a second a replay hands out.',
  }),
  WAIT_REPLICAS: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 100,
    description: 'How many replicas of Redis must have a write before it is acknowledged.',
  }),
  SHUTDOWN_MS: milliseconds(10_000, 'How long a stop waits for what is in hand.'),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
    description: 'trace, debug, info, warn, error, fatal or silent.',
  }),
  KEYPOST_SOURCE: Type.String({
    default: '/keypost',
    pattern: '^[A-Za-z0-9/:._~@-]{1,255}$',
    description: 'The `source` of the events: a URI reference.',
  }),
})
export type Environment = Static<typeof Environment>

export interface Config extends Environment {
  /** None: the embedded engine keeps one of its own. */
  peppers: string[]
  /** None: everyone who reaches the API may use it. */
  tokens: Token[]
  /** Requests a minute of one client; null: no limit. */
  rateLimit: number | null
  /** The proxies that are believed, as addresses and networks. */
  trustedProxies: string[]
  /** Whose pages may call the API. */
  corsOrigins: string[]
}

/** The environment does not fit: one line a variable, none with a value in it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const compiled = Compile(Environment)

/** @throws ConfigError */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const known = Object.keys(Environment.properties).filter((name) => (env[name] ?? '') !== '')
  const given: unknown = Object.fromEntries(known.map((name) => [name, numeric(name, env[name] ?? '')]))
  const values = Value.Default(Environment, given)
  if (!compiled.Check(values)) throw new ConfigError(complaints(compiled.Errors(values)).join('\n'))
  const peppers = values.KEY_PEPPER?.split(',') ?? []
  if (values.REDIS_URL !== undefined && peppers.length === 0) {
    throw new ConfigError('KEY_PEPPER: is required with REDIS_URL, for example from `openssl rand -hex 32`')
  }
  if (values.REDIS_URL !== undefined && !URL.canParse(values.REDIS_URL)) {
    throw new ConfigError(
      'REDIS_URL: must be a URL; write special characters of its password as %40 and the like',
    )
  }
  if (values.RESULT_TTL_MS < values.EVENT_TTL_MS) {
    throw new ConfigError(
      'RESULT_TTL_MS: must be at least EVENT_TTL_MS, since an event is not kept without its result',
    )
  }
  const tokens = tokensIn(values.API_TOKENS)
  if (tokens.length === 0 && !isLoopback(values.HOST)) {
    throw new ConfigError(
      'HOST: without API_TOKENS it must be a loopback address (127.0.0.1, ::1 or localhost), as everyone who reaches Keypost may use it',
    )
  }
  return {
    ...values,
    peppers,
    tokens,
    rateLimit: values.RATE_LIMIT ?? (tokens.length > 0 ? DEFAULT_RATE_LIMIT : null),
    trustedProxies: listIn('TRUST_PROXY', values.TRUST_PROXY, proxyIn),
    corsOrigins: listIn('CORS_ORIGINS', values.CORS_ORIGINS, originIn),
  }
}

/** The entries of a list by commas, each read by `read`; a bad one is named by its place, as it may hold a secret. */
function listIn(name: string, text: string | undefined, read: (entry: string) => string | null): string[] {
  if (text === undefined) return []
  return text.split(',').map((entry, index) => {
    const value = read(entry.trim())
    if (value !== null) return value
    const { description } = Environment.properties[name as keyof Environment] as { description?: string }
    throw new ConfigError(`${name}: entry ${index + 1} is not one (${description})`)
  })
}

function tokensIn(text: string | undefined): Token[] {
  try {
    return text === undefined ? [] : parseTokens(text)
  } catch (error) {
    throw new ConfigError(`API_TOKENS: ${(error as Error).message}`)
  }
}

/** Decimal digits become a number where one is wanted; anything else stays as it is, and is then refused. */
function numeric(name: string, value: string): string | number {
  const { type } = Environment.properties[name as keyof Environment] as { type?: string }
  return type === 'integer' && /^\d{1,15}$/.test(value) ? Number(value) : value
}

function complaints(errors: { instancePath: string; keyword: string; message: string }[]): string[] {
  const lines = errors.map(({ instancePath, message }) => {
    const name = instancePath.slice(1) as keyof Environment
    const { description } = Environment.properties[name] as { description?: string }
    return `${name}: ${message} (${description})`
  })
  return [...new Set(lines)]
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
