import { Redis } from 'ioredis'

/** The connections that one process has to Redis. */
export interface RedisConnections {
  /** Every command; those of one turn of the event loop go out together. */
  commands: Redis
  /** Subscriptions have a connection of their own, since a message may come at any time. */
  subscriptions: Redis
  /** Host and port, without credentials. */
  address: string
  /** What the last attempt to connect met; null when connected. */
  problem(): string | null
  /** Ends both at once; safe to call again. */
  close(): Promise<void>
}

/** A connection that answers nothing for this long is dead, whatever TCP says of it. */
const SOCKET_TIMEOUT_MS = 2000
/** A command may wait for the one batch before it, so twice this is what a caller waits at most. */
const COMMAND_TIMEOUT_MS = 2400
const CONNECT_TIMEOUT_MS = 2000
/** An idle subscription hears nothing, so without a ping it could be half-open for ever. */
const PING_MS = 5000

/** Opens both connections without waiting for them; they come back by themselves after any outage. */
export function connect(url: string): RedisConnections {
  const options = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 2,
    retryStrategy: (attempt: number) => Math.min(50 * 2 ** (attempt - 1), 1000) * (0.5 + Math.random() / 2),
    // A demoted primary keeps the connection and refuses every write: connect again, and send it again.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
  } as const
  const commands = new Redis(url, { ...options, connectionName: 'keypost', enableAutoPipelining: true })
  const subscriptions = new Redis(url, { ...options, connectionName: 'keypost-subscriptions' })

  let problem: string | null = 'not connected yet'
  commands.on('error', (error: Error) => {
    problem = error.message
  })
  commands.on('ready', () => {
    problem = null
  })
  commands.on('close', () => {
    problem ??= 'the connection was closed'
  })
  subscriptions.on('error', () => {})
  const pings = setInterval(() => {
    if (subscriptions.status === 'ready') subscriptions.ping().catch(() => {})
  }, PING_MS)
  pings.unref()

  return {
    commands,
    subscriptions,
    address: addressOf(commands.options),
    problem: () => problem,
    close: async () => {
      clearInterval(pings)
      for (const connection of [commands, subscriptions])
        if (connection.status !== 'end') connection.disconnect()
    },
  }
}

const addressOf = ({ path, host, port }: Redis['options']) => path ?? `${host}:${port}`
