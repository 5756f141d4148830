import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { TopicCounters } from '../../src/schemas/topic.js'
import type { Kind, Ledger, Write } from './ledger.js'
import type { Random } from './random.js'

/** A request that no answer comes to is unknown after this. */
const TIMEOUT_MS = 20_000
/** Between two tries to reach a service that is down. */
const AGAIN_MS = 20
/** With more unfinished events nothing is sent, so that they can be handled in time on a slow machine too. */
const MAX_BACKLOG = 2500
/** Between two looks at that. */
const LOOK_MS = 200
/** How often a request with an `Idempotency-Key` is sent until it is known what became of it. */
const MAX_SENDS = 20
/** How many of the newest records are changed, so that their subjects have several events in hand. */
const RECENT = 64

export interface LoadOptions {
  url: string
  random: Random
  ledger: Ledger
  /** Names the run, so that no two runs write the same names. */
  run: string
  connections: number
  /** Writes a second, at most; the rest is left to what handles them. */
  rate: number
  /** Of all writes, those that are neither new keys nor profiles; of those that are, how many carry an `Idempotency-Key`. */
  changes: number
  /** Of the records, those whose handler fails at first, or always. */
  failing: number
  /** How long handlers take, in milliseconds. */
  slow?: number | undefined
}

interface Answer {
  status: number
  id: string | null
  eventId: string | null
}

/** What a client was about to send. */
interface Plan {
  method: string
  path: string
  body?: object
  /** Sent again with this until it is known what became of it; without it, it is sent once. */
  idempotencyKey?: string
  write: Pick<Write, 'name' | 'kind' | 'what' | 'id'>
}

/** Writes through the HTTP API, over several connections, until it is told to end. */
export class Load {
  /** Requests that got an answer, or none in time. */
  tried = 0
  /** Those of them that nobody knows what became of, and requests that found nobody. */
  failed = 0
  #number = 0
  #nextAt = 0
  #backlog = 0
  #ended = false
  readonly #recent: { kind: Kind; id: string }[] = []
  readonly #agent: Agent
  readonly #senders: Promise<unknown>

  /** `under`: the fault that is on. */
  constructor(
    private readonly options: LoadOptions,
    public under: string,
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections })
    const senders = Array.from({ length: options.connections }, () => this.#send())
    this.#senders = Promise.all([this.#watch(), ...senders])
  }

  /** Resolves when every request has its answer. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#senders
    this.#agent.destroy()
  }

  async #send(): Promise<void> {
    while (!this.#ended) {
      await this.#turn()
      const plan = this.#plan()
      const done = this.options.ledger.begin()
      const answer = await this.#answer(plan)
      if (answer === 'down') {
        this.failed++
        await pause(AGAIN_MS)
        continue
      }
      this.tried++
      const { status, id, eventId } = answer
      // Nothing was changed, so nothing was published: not a write.
      if (status >= 200 && status < 300 && eventId === null) continue
      const state = isUnknown(status) ? 'unknown' : status >= 400 ? 'refused' : 'acknowledged'
      if (state === 'unknown') this.failed++
      done({ ...plan.write, id: plan.write.id ?? id, eventId, state, under: this.under })
      if (state === 'acknowledged' && plan.write.what === 'created' && id !== null) {
        this.#recent.push({ kind: plan.write.kind, id })
        if (this.#recent.length > RECENT) this.#recent.shift()
      }
    }
  }

  /** Resolves when another request may be sent. */
  async #turn(): Promise<void> {
    while (this.#backlog > MAX_BACKLOG && !this.#ended) await pause(AGAIN_MS)
    const now = performance.now()
    this.#nextAt = Math.max(this.#nextAt, now) + 1000 / this.options.rate
    if (this.#nextAt > now + 2) await pause(this.#nextAt - now)
  }

  async #watch(): Promise<void> {
    while (!this.#ended) {
      this.#backlog = await backlog(this.options.url).catch(() => 0)
      await pause(LOOK_MS)
    }
  }

  #plan(): Plan {
    const { random, run, changes } = this.options
    const name = `${run}-${this.#number++}`
    if (this.#recent.length === 0 || !random.chance(changes)) return this.#creation(name)
    const { kind, id } = random.pick(this.#recent)
    const path = `/${kind}/${id}`
    const dice = random.next()
    if (dice < 0.1) return { method: 'DELETE', path, write: { name, kind, what: 'deleted', id } }
    if (dice < 0.2 && kind === 'keys')
      return { method: 'POST', path: `${path}/revoke`, write: { name, kind, what: 'revoked', id } }
    return { method: 'PATCH', path, body: { name }, write: { name, kind, what: 'updated', id } }
  }

  #creation(name: string): Plan {
    const { random, changes } = this.options
    const kind: Kind = random.chance(changes / 2) ? 'profiles' : 'keys'
    const metadata = this.#metadata()
    const write = { name, kind, what: 'created' as const, id: null }
    const again = random.chance(changes) && { idempotencyKey: name }
    if (kind === 'profiles')
      return {
        method: 'POST',
        path: '/profiles',
        body: { name, email: `${name}@example.com`, metadata },
        ...again,
        write,
      }
    const body = { name, key: `sk_live_of_${name}_abcdefgh`, metadata, ...this.#profileId() }
    return { method: 'POST', path: '/keys', body, ...again, write }
  }

  /** Mostly none; now and then one that is, that is not, and that cannot be. */
  #profileId(): object {
    const { random, changes } = this.options
    if (!random.chance(changes / 2)) return {}
    const profile = this.#recent.find(({ kind }) => kind === 'profiles')
    const nobody = '01890000-0000-7000-8000-000000000000'
    return { profileId: random.pick([profile?.id ?? nobody, nobody, 'not an id']) }
  }

  #metadata(): Record<string, string> {
    const { random, failing, slow } = this.options
    return {
      ...(random.chance(failing) && { fail: random.pick(['1', '2', '9']) }),
      ...(slow !== undefined && { slow: String(slow) }),
    }
  }

  /** Of a request with an `Idempotency-Key`, the answer to the last time it was sent. */
  async #answer(plan: Plan): Promise<Answer | 'down'> {
    let answer = await this.#request(plan)
    for (let sends = 1; plan.idempotencyKey !== undefined && sends < MAX_SENDS && !this.#ended; sends++) {
      if (answer === 'down' || !isUnknown(answer.status)) break
      await pause(AGAIN_MS * sends)
      const again = await this.#request(plan)
      if (again !== 'down') answer = again
    }
    return answer
  }

  /** `down`: nobody listens, so nothing was sent. */
  #request({ method, path, body, idempotencyKey }: Plan): Promise<Answer | 'down'> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve) => {
      const lost = (error: NodeJS.ErrnoException) =>
        resolve(error.code === 'ECONNREFUSED' ? 'down' : { status: 0, id: null, eventId: null })
      const sent = request(
        this.options.url + path,
        {
          method,
          agent: this.#agent,
          timeout: TIMEOUT_MS,
          headers: {
            ...(text !== undefined && {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(text),
            }),
            ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
          },
        },
        (response) => {
          response.on('error', lost)
          response.on('end', () => resolve(answerOf(response)))
          response.resume()
        },
      )
      sent.on('error', lost)
      sent.on('timeout', () => sent.destroy(new Error('no answer')))
      sent.end(text)
    })
  }
}

async function backlog(url: string): Promise<number> {
  const answer = await fetch(`${url}/stats`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  const { topics }: { topics: Record<string, TopicCounters> } = JSON.parse(await answer.text())
  return Object.values(topics).reduce((sum, { pending, retrying }) => sum + pending + retrying, 0)
}

const isUnknown = (status: number) => status === 0 || status >= 500

function answerOf({ statusCode = 0, headers }: IncomingMessage): Answer {
  const event = headers['keypost-event-id']
  return {
    status: statusCode,
    id: headers.location?.split('/').at(-1) ?? null,
    eventId: typeof event === 'string' ? event : null,
  }
}
