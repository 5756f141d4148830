import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A TCP proxy that breaks connections in the ways that networks do. */
export interface Proxy {
  readonly port: number
  /** Closes the connection on which something that matches is sent next, once the server has answered it. */
  loseReplyTo(pattern: RegExp): void
  /** How many replies were lost so. */
  readonly lost: number
  /** Half-open: connections stay up, old and new, and nothing comes through. */
  freeze(): void
  /** Everything comes through again; what was frozen is closed. */
  thaw(): void
  /** Closes every connection. */
  cut(): void
  /** Holds up whatever comes through by about so many milliseconds, either way; 0: no longer. */
  delay(ms: number, jitterMs: number): void
}

export async function proxy(t: Test, target: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let pattern: RegExp | null = null
  let lost = 0
  let frozen = false
  let latency = { ms: 0, jitterMs: 0 }
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }

  /** Writes to a socket, each time after the latency of that moment, and in order: timers alone do not keep it. */
  const line = (to: Socket) => {
    const waiting: { data: Buffer; at: number }[] = []
    const drain = () => {
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        const leftMs = next.at - performance.now()
        if (leftMs > 0) {
          setTimeout(drain, leftMs)
          return
        }
        waiting.shift()
        to.write(next.data)
      }
    }
    return (data: Buffer) => {
      const { ms, jitterMs } = latency
      if (ms === 0 && waiting.length === 0) {
        to.write(data)
        return
      }
      const at = performance.now() + ms + (Math.random() - 0.5) * jitterMs
      if (waiting.push({ data, at }) === 1) drain()
    }
  }

  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    const [up, down] = [line(upstream), line(client)]
    let loses = false
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {}) // a broken connection is what this is for
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
    client.on('data', (data) => {
      if (frozen) return
      if (pattern?.test(data.toString())) {
        loses = true
        pattern = null
      }
      up(data)
    })
    upstream.on('data', (data) => {
      if (frozen) return
      if (loses) {
        lost++
        client.destroy()
      } else down(data)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    cut()
    server.close()
  })

  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    loseReplyTo: (wanted) => {
      pattern = wanted
    },
    get lost() {
      return lost
    },
    freeze: () => {
      frozen = true
    },
    thaw: () => {
      frozen = false
      cut()
    },
    cut,
    delay: (ms, jitterMs) => {
      latency = { ms, jitterMs }
    },
  }
}
