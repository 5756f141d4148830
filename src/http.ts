import { type RequestListener, Server } from 'node:http'
import type { Socket } from 'node:net'
import { answerOnSocket, type OnRefused } from '../plugins/problems.js'

/** Headers that come in drop by drop hold a connection no longer than this. */
export const HEADERS_TIMEOUT_MS = 10_000
/** Nor does a whole request; the largest body arrives in that time on a line of 20 kB a second. */
export const REQUEST_TIMEOUT_MS = 30_000
/** How late Node may notice either. */
const CHECK_MS = 2_000
/** A connection on which nothing moves is dead. Longer than `Prefer: wait`, and than the beat of a stream. */
export const IDLE_MS = 60_000
/** Longer than the 60 s of common proxies, which would else use a connection just as it is being closed. */
export const KEEP_ALIVE_MS = 72_000
/** A cursor of 12,000 characters, or a few conditions of 2 kB, are valid; much more is not. */
export const MAX_HEADER_BYTES = 16 * 1024
/** Each connection is a file descriptor: without a cap there may be none left for Redis or for files. */
export const MAX_CONNECTIONS = 10_000

/**
 * Node takes a connection on which nothing was ever said for a busy one, and waits for it when it closes. Browsers
 * and proxies open such connections in advance.
 */
class ImpatientServer extends Server {
  readonly #sockets = new Set<Socket>()

  override closeIdleConnections(): void {
    super.closeIdleConnections()
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy()
  }

  /** Keeps an eye on every connection. */
  watch(): this {
    return this.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }
}

/**
 * The server below Fastify. What Node would answer by itself, in its own words, becomes a request like any other,
 * for plugins/protocol.ts to refuse; what never becomes a request is answered on its bare socket.
 */
export function newHttpServer(listener: RequestListener, onRefused: OnRefused): Server {
  const server = new ImpatientServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      requireHostHeader: false,
    },
    listener,
  ).watch()
  server.setTimeout(IDLE_MS)
  // Node would leave out what comes after 2000 headers, as if a client had not said it; their size is limited anyway.
  server.maxHeadersCount = 0
  server.maxConnections = MAX_CONNECTIONS
  server.on('checkExpectation', listener)
  server.on('clientError', (error, socket) => answerOnSocket(error, socket, onRefused))
  server.on('connect', (_request, socket) => answerOnSocket(new Error('CONNECT'), socket, onRefused))
  return server
}
