import { Redis } from 'ioredis'

/** The connections that one process has to Redis. */
export interface RedisConnections {
  /** Every command; those of one turn of the event loop go out together. */
  commands: Redis
  /** Writes that replicas are waited for with, apart, as WAIT holds up what comes behind it; null: none are. */
  writes: Redis | null
  /** How many replicas must have a write before it is acknowledged. */
  waitReplicas: number
  /** Subscriptions have a connection of their own, since a message may come at any time. */
  subscriptions: Redis
  /** Host and port, without credentials. */
  address: string
  /** What the last attempt to connect met; null when connected. */
  problem(): string | null
  /** Away for so long that a command would only wait in vain. */
  isAway(): boolean
  /** Ends all at once; safe to call again. */
  close(): void
}

/** A connection that answers nothing for this long is dead, whatever TCP says of it. */
const SOCKET_TIMEOUT_MS = 1800
/** A command may wait for the one batch before it, so twice this is what a caller waits at most. */
const COMMAND_TIMEOUT_MS = 2000
const CONNECT_TIMEOUT_MS = 2000
/** While Redis reads its data back, its own guess of how long that takes is not waited for. */
const LOADING_RETRY_MS = 500
/** Commands wait out an interruption that is shorter, so that a reconnect is not an outage to anyone. */
const GRACE_MS = 1000
/** Between two reconnects because of READONLY: a server that stays a replica must not be connected to in a loop. */
const DEMOTED_MS = 1000
/** An idle subscription hears nothing, so without a ping it could be half-open for ever. */
const PING_MS = 5000

/** Opens the connections without waiting for them; they come back by themselves after any outage. */
export function connect(url: string, waitReplicas = 0): RedisConnections {
  const options = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 2,
    maxLoadingRetryTime: LOADING_RETRY_MS,
    retryStrategy: (attempt: number) => Math.min(50 * 2 ** (attempt - 1), 1000) * (0.5 + Math.random() / 2),
    reconnectOnError: afterDemotion(),
    // Before 7.2 there is no CLIENT SETINFO, so a user's rights cannot name it.
    disableClientInfo: true,
  } as const
  const commands = new Redis(url, { ...options, connectionName: 'keypost', enableAutoPipelining: true })
  const writes =
    waitReplicas === 0
      ? null
      : new Redis(url, { ...options, connectionName: 'keypost-writes', enableAutoPipelining: true })
  const subscriptions = new Redis(url, {
    ...options,
    connectionName: 'keypost-subscriptions',
    // The watcher does it. The client's own leaves a rejection that nobody can handle when Redis goes away meanwhile.
    autoResubscribe: false,
  })

  let problem: string | null = 'not connected yet'
  let awaySince: number | null = performance.now()
  commands.on('error', (error: Error) => {
    problem = error.message
  })
  commands.on('ready', () => {
    problem = null
    awaySince = null
  })
  commands.on('close', () => {
    problem ??= 'the connection was closed'
    awaySince ??= performance.now()
  })
  for (const other of [subscriptions, writes]) other?.on('error', () => {}) // `commands` tells of it
  const pings = setInterval(() => {
    if (subscriptions.status === 'ready') subscriptions.ping().catch(() => {})
  }, PING_MS)
  pings.unref()

  return {
    commands,
    writes,
    waitReplicas,
    subscriptions,
    address: addressOf(commands.options),
    problem: () => problem,
    isAway: () => awaySince !== null && performance.now() - awaySince > GRACE_MS,
    close: () => {
      clearInterval(pings)
      commands.disconnect()
      writes?.disconnect()
      subscriptions.disconnect()
    },
  }
}

const addressOf = ({ path, host, port }: Redis['options']) => path ?? `${host}:${port}`

/**
 * A demoted primary keeps its connections and refuses every write, so connect again: the address may lead to
 * another server by now. What was refused is not sent again by itself: it would go round for as long as no
 * server takes it.
 */
function afterDemotion(): (error: Error) => boolean {
  let last = Number.NEGATIVE_INFINITY
  return ({ message }) => {
    if (!message.startsWith('READONLY') || performance.now() - last < DEMOTED_MS) return false
    last = performance.now()
    return true
  }
}
