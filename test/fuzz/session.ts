import type { Random } from '../faults/random.js'
import { until } from '../until.js'
import type { Tokens, Workshop } from './body-twists.js'
import type { Document, Operation } from './document.js'
import { bytesOf, type Draft, headerOf, setHeader, setJson } from './draft.js'
import type { Ledger } from './ledger.js'
import { isOverloaded, judge } from './oracle.js'
import { Requests } from './requests.js'
import { DYING, kindOf, Things } from './things.js'
import { twistsOf } from './twists.js'
import { Values } from './values.js'
import type { Answer, Connection } from './wire.js'

export interface Target {
  document: Document
  tokens: Tokens | null
}

/** A session is given up when its target is: nothing that it does takes so long. */
const PATIENCE_MS = 30_000
/** Of what is half a request nothing may ever come. */
const TORN_MS = 5000
/** Of an endless answer. */
const ENOUGH = 20

/**
 * A client that makes things, changes them, and gets much of it wrong. What it does depends on its seed and on
 * what it has made by itself, so that it can be had again alone.
 */
export class Session {
  readonly #things = new Things()
  readonly #requests: Requests
  readonly #workshop: Workshop

  constructor(
    readonly number: number,
    private readonly random: Random,
    private readonly target: Target,
    private readonly connection: Connection,
    private readonly ledger: Ledger,
  ) {
    const { document, tokens } = target
    const values = new Values(random, document)
    this.#workshop = { values, document, tokens }
    this.#requests = new Requests(values, document, this.#things, { token: tokens?.all ?? null })
  }

  /** So many requests, or a few more. */
  async run(steps: number): Promise<void> {
    await this.#visit()
    for (let step = 0; step < steps; step++) {
      const operation = this.random.pick(this.target.document.operations)
      await this.#need(operation)
      const choice = this.random.next()
      if (choice < 0.4) await this.#fine(operation)
      else if (choice < 0.82) await this.#twisted(operation)
      else if (choice < 0.9) await this.#ofNothing(operation)
      else if (operation.method === 'POST') await this.#again(operation)
      else if (operation.method === 'GET') await this.#head(operation)
      else await this.#fine(operation)
      await this.#nextPage(operation)
    }
  }

  /** The sessions take turns, so that each operation is carried out and refused, however few requests there are. */
  async #visit(): Promise<void> {
    const { operations } = this.target.document
    const operation = operations[this.number % operations.length]
    if (operation === undefined) return
    await this.#need(operation)
    await this.#fine(operation)
    await this.#need(operation)
    const draft = this.#requests.of(operation)
    draft.query.push(['unknown', ''])
    draft.what.push('an unknown parameter')
    draft.expect = 'refused'
    await this.#send(draft)
  }

  /** Makes what an operation is about, if there is none. */
  async #need(operation: Operation): Promise<void> {
    const kind = kindOf(operation)
    if (kind === null || this.#things.of(kind).length > 0) return
    if (kind === 'keys') await this.#fine(this.#operation('submitKey'))
    else if (kind === 'profiles') await this.#fine(this.#operation('createProfile'))
    else if (kind === 'replays') await this.#fine(this.#operation('createReplay'))
    else await this.#publish(kind === 'dead-letters')
  }

  /** Publishes an event; if it is to die, waits for that. */
  async #publish(dying: boolean): Promise<void> {
    if (this.#things.dying.size === 0 || !dying) {
      const draft = this.#requests.of(this.#operation('publishEvent'))
      if (dying) {
        draft.path = `/topics/${DYING.topic}/events`
        setHeader(draft, 'Content-Type', 'application/json')
        setJson(draft, { type: DYING.type, data: null })
      }
      await this.#send(draft)
    }
    const [id] = this.#things.dying
    if (!dying || id === undefined) return
    const look = this.#requests.of({ ...this.#operation('getStats') })
    look.operation = this.#operation('getDeadLetter')
    look.path = `/dead-letters/${id}`
    look.expect = 'any'
    await until(async () => (await this.#send({ ...look }))?.status === 200)
    this.#things.died(id)
  }

  #fine(operation: Operation): Promise<Answer | null> {
    return this.#send(this.#requests.of(operation))
  }

  async #twisted(operation: Operation): Promise<void> {
    const draft = this.#requests.of(operation)
    for (let twists = this.random.chance(0.2) ? 2 : 1; twists > 0; twists--) {
      // What cannot be read as HTTP is as bad as it gets.
      if (draft.expect === 'torn' || draft.hangUp || headerOf(draft, 'transfer-encoding')) break
      const [name, twist] = this.random.pick(twistsOf(draft, this.#workshop))
      const first = draft.what.length === 0
      const expect = twist(draft, this.#workshop)
      // A second one may take back what the first one did.
      draft.expect = first || expect === 'torn' ? expect : 'any'
      draft.what.push(name)
    }
    await this.#send(draft)
  }

  /** The same once more, and then something else, under one Idempotency-Key. */
  async #again(operation: Operation): Promise<void> {
    const draft = this.#requests.of(operation)
    setHeader(draft, 'Idempotency-Key', `"${this.#workshop.values.text(30, 'abc')}"`)
    const first = await this.#send(draft)
    if (first === null || first.status > 299) return
    const again = { ...draft, what: ['sent again'] }
    setHeader(again, 'X-Request-Id', this.#workshop.values.uuid())
    const second = await this.#send(again)
    const replayed = second?.headers.get('idempotent-replayed')?.[0]
    if (second?.status !== first.status || !second.body.equals(first.body) || replayed !== 'true')
      this.ledger.complain(this.number, again, second, ['was not answered as the first time'])
    const other = { ...draft, what: ['another body with the Idempotency-Key'], expect: 'refused' as const }
    setJson(other, {
      ...(draft.json as object),
      name: 'another',
      data: 'another',
      until: '2020-01-01T00:00:00Z',
    })
    setHeader(other, 'Content-Type', 'application/json')
    setHeader(other, 'X-Request-Id', this.#workshop.values.uuid())
    await this.#send(other)
  }

  /** A HEAD has the headers of its GET, and no body. */
  async #head(operation: Operation): Promise<void> {
    const get = this.#requests.of(operation)
    if (endless(operation, get)) return
    const got = await this.#send(get)
    const head: Draft = { ...get, method: 'HEAD', operation: null, expect: 'any' }
    const answer = await this.#send(head)
    if (got === null || answer === null || got.status !== answer.status) return
    const differ = [...got.headers.keys()].filter(
      (name) => !answer.headers.has(name) && name !== 'transfer-encoding',
    )
    if (differ.length > 0)
      this.ledger.complain(this.number, head, answer, [`HEAD lacks ${differ.join(', ')}`])
  }

  /** About what is gone, or never was. */
  async #ofNothing(operation: Operation): Promise<void> {
    if (kindOf(operation) === null) return this.#twisted(operation)
    const draft = this.#requests.of(operation)
    const id = this.random.pick([this.#workshop.values.uuid(), ...this.#things.gone])
    draft.path = draft.path.replace(/[0-9a-f-]{36}/, id)
    draft.what.push('an id of nothing')
    // A dead letter that is gone is an event still; what is redriven may be dead again.
    draft.expect = this.#things.gone.includes(id) ? 'any' : 'refused'
    await this.#send(draft)
  }

  /** Follows a link, as it is and damaged. */
  async #nextPage(operation: Operation): Promise<void> {
    const link = this.#things.next.get(operation.id)
    if (link === undefined) return
    this.#things.next.delete(operation.id)
    const draft = this.#requests.of(operation)
    draft.query = []
    draft.path = link
    if (this.random.chance(0.5)) {
      const at = link.length - 1 - this.random.below(40)
      draft.path = link.slice(0, at) + this.random.pick(['A', 'z', '']) + link.slice(at + 1)
      draft.what.push('a damaged cursor')
      draft.expect = 'any'
    }
    await this.#send(draft)
  }

  async #send(draft: Draft): Promise<Answer | null> {
    const { operation, method } = draft
    const how = {
      bodyless: method === 'HEAD',
      withinMs: draft.expect === 'torn' ? TORN_MS : PATIENCE_MS,
      ...(draft.hangUp && { hangUp: true }),
      ...(operation !== null && endless(operation, draft) && { enough: ENOUGH }),
    }
    const once = async () => {
      if (draft.expect === 'torn') this.connection.close()
      const answer = await this.connection.send(bytesOf(draft), how)
      if (draft.expect === 'torn') this.connection.close()
      return { answer }
    }
    // A machine that is busy otherwise makes the app refuse whatever comes, and say when to come again.
    const { answer } = await until(async () => {
      const sent = await once()
      return isOverloaded(sent.answer) ? this.ledger.overloaded() : sent
    }, PATIENCE_MS)
    this.ledger.note(this.number, draft, answer, judge(this.target.document, draft, answer))
    if (answer !== null) this.#things.learn(draft, answer)
    return answer
  }

  #operation(id: string): Operation {
    const operation = this.target.document.operations.find((each) => each.id === id)
    if (operation === undefined) throw new Error(`the document has no ${id}`)
    return operation
  }
}

/** Live answers end when the client goes away. */
const endless = ({ path }: Operation, draft: Draft): boolean =>
  path === '/events/stream' || (headerOf(draft, 'accept') ?? '').includes('x-ndjson')
