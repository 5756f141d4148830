import type { Document, Operation, Parameter } from './document.js'
import { type Draft, setHeader, setJson } from './draft.js'
import { DYING, kindOf, type Things } from './things.js'
import { type Json, KEY_MARK, type Values } from './values.js'

type Fields = { [name: string]: Json }

/** Parameters that say where to go on: they come from answers. */
const PLACES = ['cursor', 'lastEventId']

/** Who asks: a token that may do everything, or none where none are configured. */
export interface Client {
  token: string | null
}

/** A result may not be there yet, and a redrive of all takes the dead letters of every session. */
function besides(operation: Operation): number[] {
  if (operation.id === 'getResult') return [404]
  return kindOf(operation) === 'dead-letters' ? [404, 409] : []
}

/** Makes valid requests: each is carried out. Those about an id need a thing of that kind. */
export class Requests {
  constructor(
    readonly values: Values,
    readonly document: Document,
    private readonly things: Things,
    private readonly client: Client,
  ) {}

  of(operation: Operation): Draft {
    const { random } = this.values
    const draft: Draft = {
      operation,
      method: operation.method,
      path: this.#path(operation),
      query: [],
      headers: [
        ['Host', 'localhost'],
        ['X-Request-Id', this.values.uuid()],
      ],
      json: undefined,
      body: null,
      expect: 'fine',
      besides: besides(operation),
      what: [],
    }
    if (this.client.token !== null) setHeader(draft, 'Authorization', `Bearer ${this.client.token}`)
    for (const parameter of operation.parameters) this.#parameter(draft, parameter)
    if (Object.keys(operation.bodies).length > 0) this.#body(draft, operation)
    if (random.chance(0.1)) setHeader(draft, 'Accept', random.pick(['*/*', 'application/json']))
    return draft
  }

  #path(operation: Operation): string {
    const kind = kindOf(operation)
    const id = kind === null ? '' : this.values.random.pick(this.things.of(kind)).id
    return operation.path.replace('{id}', id).replace('{topic}', this.#topic())
  }

  /** Few, so that they have many events each. */
  #topic(): string {
    const { random } = this.values
    if (random.chance(0.01)) return `zqxw${random.below(20)}`.padEnd(63, '_.-z')
    return random.chance(0.5) ? DYING.topic : `zqxw-topic.${random.below(10)}`
  }

  #parameter(draft: Draft, { name, in: where, schema }: Parameter): void {
    const { random } = this.values
    if (where === 'query' && !PLACES.includes(name) && random.chance(0.2))
      draft.query.push([
        name,
        encodeURIComponent(String(this.values.of({ ...this.document.resolve(schema) }))),
      ])
    if (where !== 'header' || random.chance(0.8)) return
    if (name === 'idempotency-key') setHeader(draft, name, this.values.text(24, 'abc'))
    if (name === 'prefer' && draft.method === 'POST') setHeader(draft, name, 'wait=1')
    const version = this.#known(draft)?.version
    if (name === 'if-match' && version !== undefined) {
      // Its settlement may give it another one at any time.
      draft.besides.push(412)
      setHeader(draft, name, random.pick(['*', `"${version}"`, `"0", W/"x",, "${version}"`]))
    }
    if (name === 'if-none-match' && version !== undefined) {
      draft.besides.push(304)
      setHeader(draft, name, random.pick(['*', `W/"${version}"`, '"nothing"']))
    }
  }

  #known({ operation, path }: Draft) {
    const kind = operation && kindOf(operation)
    return kind ? this.things.of(kind).find(({ id }) => path.includes(id)) : undefined
  }

  #body(draft: Draft, operation: Operation): void {
    const { random } = this.values
    const [type, media] = random.pick(Object.entries(operation.bodies))
    const schema = this.document.resolve(media.schema)
    const shape = schema.anyOf ? this.document.resolve(random.pick(schema.anyOf.slice(0, 2))) : schema
    const made = this.values.of(shape) as Fields
    setHeader(draft, 'Content-Type', random.pick([type, type, `${type}; charset=utf-8`, type.toUpperCase()]))
    this.#tame(draft, operation, made)
    setJson(draft, made)
  }

  /** What a schema cannot say: which values mean something here. */
  #tame(draft: Draft, { id }: Operation, made: Fields): void {
    const { random } = this.values
    if (id === 'submitKey') made.key = this.key()
    if (made.profileId !== undefined && random.chance(0.7))
      made.profileId = this.things.of('profiles').at(-1)?.id ?? null
    if (draft.method === 'PATCH' && made.metadata) made.metadata = this.#patch(draft, made.metadata as Fields)
    if (id === 'publishEvent') this.#event(draft, made)
    if (id === 'redriveDeadLetters')
      Object.assign(made, random.chance(0.5) ? { dryRun: true } : { subject: `zqxw${this.values.uuid()}` })
    if (id === 'createReplay') {
      made.since = new Date(Date.now() - random.pick([1, 100, 5000])).toISOString()
      delete made.until
      made.topic = DYING.topic
      if (made.types) made.types = [...new Set(made.types as string[])]
    }
  }

  /** Of a length that the others are told by; the short ones have nothing in them that a name could have. */
  key(): string {
    const { random } = this.values
    if (random.chance(0.05)) return '☃'.repeat(random.pick([1, 2, 15]))
    const length = random.chance(0.05) ? 16_384 : 20 + random.below(60)
    const key = this.values.text(length, undefined, KEY_MARK)
    return random.chance(0.1) && length < 16_000 ? random.pick([` ${key} `, `"${key}"`]) : key
  }

  /** At most 50 entries may be left. */
  #patch(draft: Draft, patch: Fields): Fields {
    const now = Object.keys(this.#known(draft)?.metadata ?? {}).length
    return Object.fromEntries(Object.entries(patch).slice(0, Math.max(0, 50 - now)))
  }

  #event(draft: Draft, made: Fields): void {
    const { random } = this.values
    if (draft.path.includes(`/${DYING.topic}/`) && random.chance(0.3)) made.type = DYING.type
    if (made.specversion === undefined) {
      setHeader(draft, 'Content-Type', 'application/json')
      return
    }
    made.source = this.values.text(24, 'abc')
    if (random.chance(0.3)) made.zqxwextra = this.values.text(20, 'abc')
  }
}
