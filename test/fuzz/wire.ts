import { connect, type Socket } from 'node:net'

/** An answer, as it came over the wire. */
export interface Answer {
  status: number
  /** By lower-case name; those that came more than once have several values. */
  headers: Map<string, string[]>
  /** The status line and the headers, as they came. */
  head: string
  body: Buffer
  /** Bytes after the answer: there must be none. */
  stray: number
  ms: number
}

export interface Sending {
  /** The answer has no body whatever its headers say: HEAD. */
  bodyless?: boolean
  /** The answer has no end: so many bytes of its body are enough. */
  enough?: number
  /** Hang up after sending; nothing is awaited. */
  hangUp?: boolean
  withinMs?: number
}

const NOTHING = Buffer.alloc(0)

/**
 * A client that sends any bytes and shows which came back: HTTP clients mend what they send, refuse what is
 * not valid, and hide what they do not expect. One request at a time, on one connection as long as that lives.
 */
export class Connection {
  #socket: Socket | null = null
  #received = NOTHING
  #over = true
  #wake = (): void => {}

  constructor(private readonly port: number) {}

  /** Null: the connection was closed, or time ran out, before there was an answer. */
  async send(bytes: Buffer, { withinMs = 30_000, ...how }: Sending = {}): Promise<Answer | null> {
    const socket = this.#open()
    const started = performance.now()
    const late = setTimeout(() => this.close(), withinMs)
    socket.write(bytes)
    if (how.hangUp) await new Promise<void>((sent) => socket.end(sent))
    try {
      for (;;) {
        const read = how.hangUp ? null : parse(this.#received, this.#over, how)
        if (read !== null) {
          const { rest, ...answer } = read
          this.#received = NOTHING
          const last = (answer.headers.get('connection') ?? []).includes('close')
          if (last || how.enough !== undefined || rest > 0) this.close()
          return { ...answer, stray: how.enough === undefined ? rest : 0, ms: performance.now() - started }
        }
        if (this.#over || how.hangUp) {
          this.close()
          return null
        }
        await new Promise<void>((wake) => {
          this.#wake = wake
        })
      }
    } finally {
      clearTimeout(late)
    }
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = null
    this.#over = true
    this.#wake()
  }

  #open(): Socket {
    if (this.#socket !== null && !this.#over) return this.#socket
    this.close()
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true })
    this.#socket = socket
    this.#received = NOTHING
    this.#over = false
    const over = () => {
      if (this.#socket !== socket) return
      this.#over = true
      this.#wake()
    }
    socket.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('error', over).on('end', over).on('close', over)
    return socket
  }
}

type Parsed = Omit<Answer, 'stray' | 'ms'> & { rest: number }

/** The first answer in `bytes`; null: it is not complete. Throws at what is not HTTP/1.1. */
function parse(bytes: Buffer, over: boolean, { bodyless = false, enough }: Sending): Parsed | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return null
  const head = bytes.toString('latin1', 0, end)
  const [first = '', ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1])
  if (Number.isNaN(status)) throw new Error(`not HTTP: ${first.slice(0, 100)}`)
  const body = bytes.subarray(end + 4)
  if (status < 200) return parse(body, over, { bodyless, ...(enough !== undefined && { enough }) })
  const headers = headersIn(lines)
  const whole = (content: Buffer, length: number): Parsed => ({
    status,
    headers,
    head,
    body: content,
    rest: body.length - length,
  })
  if (bodyless || status === 204 || status === 304) return whole(NOTHING, 0)
  if (enough !== undefined && body.length >= enough) return whole(body, body.length)
  const length = headers.get('content-length')?.[0]
  if (length !== undefined)
    return body.length < Number(length) ? null : whole(body.subarray(0, Number(length)), Number(length))
  if (headers.get('transfer-encoding')?.[0] === 'chunked') {
    const chunked = unchunk(body)
    return chunked && whole(chunked.content, chunked.length)
  }
  return over ? whole(body, body.length) : null
}

function headersIn(lines: string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()])
  }
  return headers
}

function unchunk(body: Buffer): { content: Buffer; length: number } | null {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at)
    if (line === -1) return null
    const size = Number.parseInt(body.toString('latin1', at, line), 16)
    const next = line + 2 + size + 2
    if (body.length < next) return null
    if (size === 0) return { content: Buffer.concat(chunks), length: next }
    chunks.push(body.subarray(line + 2, line + 2 + size))
    at = next
  }
}
