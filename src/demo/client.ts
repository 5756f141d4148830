import { performance } from 'node:perf_hooks'

/** The service did not take what the demo sent; says which request and why. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** A service under demonstration: its HTTP API, with how long each request took. */
export class Client {
  /** Of every request but probes and polls, in milliseconds. */
  readonly tookMs: number[] = []

  constructor(
    readonly url: string,
    private readonly token?: string,
  ) {}

  /** Whether Keypost answers there, takes events, and has somebody to handle them. */
  async isReady(): Promise<boolean> {
    try {
      const answer = await this.get<{ checks?: { subscriber?: unknown } }>('/readyz')
      return answer.status === 200 && answer.body.checks?.subscriber !== undefined
    } catch {
      return false
    }
  }

  async get<T>(path: string): Promise<{ status: number; body: T }> {
    const { response, answer } = await this.#fetch(path, { method: 'GET' })
    return { status: response.status, body: answer as T }
  }

  /**
   * Sends one write.
   * @throws Refused when the answer is not 2xx and `bears` does not list it, or there is none
   */
  async send({ method, path, body }: Write, bears: number[] = []): Promise<Written> {
    const sent = performance.now()
    const { response, answer } = await this.#fetch(path, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    this.tookMs.push(performance.now() - sent)
    if (!response.ok && !bears.includes(response.status))
      throw new Refused(
        `${method} ${path} was answered ${response.status} ${answer.code ?? ''}: ${answer.detail}`,
      )
    return {
      status: response.status,
      id: answer.id ?? null,
      eventId: response.headers.get('keypost-event-id') ?? (response.status === 202 ? answer.id : null),
    }
  }

  async #fetch(path: string, init: RequestInit & { method: string }) {
    try {
      const response = await fetch(this.url + path, {
        ...init,
        headers: { ...init.headers, ...(this.token && { authorization: `Bearer ${this.token}` }) },
        signal: AbortSignal.timeout(REQUEST_MS),
      })
      const text = await response.text()
      const answer = text === '' ? {} : JSON.parse(text)
      if (NEEDS_TOKEN.includes(answer.code))
        throw new Refused(
          `${init.method} ${path}: ${answer.detail} The demo sends that of KEYPOST_TOKEN, of the scopes read and write.`,
        )
      return { response, answer }
    } catch (error) {
      if (error instanceof Refused) throw error
      const { message, cause } = error as Error
      throw new Refused(`${init.method} ${path}: ${cause instanceof Error ? cause.message : message}`)
    }
  }
}

const NEEDS_TOKEN: unknown[] = ['unauthorized', 'insufficient_scope']

/** One that is not answered within this will not be. */
const REQUEST_MS = 10_000

export interface Write {
  method: 'POST' | 'PATCH' | 'DELETE'
  path: string
  body?: object
}

export interface Written {
  status: number
  /** Of the record, or of the event on a custom topic. */
  id: string | null
  /** The event whose result tells what became of the write. */
  eventId: string | null
}
