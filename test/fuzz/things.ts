import type { Operation } from './document.js'
import type { Draft } from './draft.js'
import type { Answer } from './wire.js'

export const KINDS = ['keys', 'profiles', 'events', 'dead-letters', 'replays'] as const
export type Kind = (typeof KINDS)[number]

export interface Made {
  id: string
  metadata?: object
  version?: number
}

/** On this topic, with this type, events fail; their subject is their only one. */
export const DYING = { topic: 'fuzz', type: 'fails' }

/** Which things a path with an id in it is about. */
export function kindOf({ path }: Pick<Operation, 'path'>): Kind | null {
  const kind = path.split('/')[1]
  if (!path.includes('{id}')) return null
  return kind === 'results' ? 'events' : (KINDS.find((each) => each === kind) ?? null)
}

/** What a session has made, as far as it knows from the answers. */
export class Things {
  readonly #made: Record<Kind, Made[]> = {
    keys: [],
    profiles: [],
    events: [],
    'dead-letters': [],
    replays: [],
  }
  /** Ids that were good once. */
  readonly gone: string[] = []
  /** Paths of next pages, by operation. */
  readonly next = new Map<string, string>()
  readonly dying = new Set<string>()

  of(kind: Kind): readonly Made[] {
    return this.#made[kind]
  }

  /** Takes note of what an answer says has happened. */
  learn({ operation, method, path, query }: Draft, { status, headers, body }: Answer): void {
    if (operation === null || status < 200 || status > 299 || method !== operation.method) return
    const event = headers.get('keypost-event-id')?.[0]
    if (event !== undefined) this.#put('events', { id: event })
    const link = /<([^>]+)>; rel="next"/.exec(headers.get('link')?.[0] ?? '')?.[1]
    if (link !== undefined) this.next.set(operation.id, link)
    const place = operation.id === 'streamEvents' && /^id: (.+)$/m.exec(body.toString())?.[1]
    if (place && !path.includes('?')) {
      const all = [...query.filter(([name]) => name !== 'lastEventId'), ['lastEventId', place]]
      this.next.set(operation.id, `${path}?${all.map((each) => each.join('=')).join('&')}`)
    }
    const kind = operation.path.split('/')[1]
    const about = path.split('/')[2] ?? ''
    if (kind === 'keys' || kind === 'profiles') {
      if (method === 'DELETE') this.#drop(kind, about)
      else if (method !== 'GET') this.#put(kind, JSON.parse(body.toString()) as Made)
    } else if (operation.id === 'createReplay') this.#put('replays', JSON.parse(body.toString()) as Made)
    else if (operation.id === 'publishEvent') {
      const { id, topic, type } = JSON.parse(body.toString()) as { id: string; topic: string; type: string }
      if (topic === DYING.topic && type === DYING.type) this.dying.add(id)
    } else if (operation.id === 'redriveDeadLetter') {
      this.#drop('dead-letters', about)
      this.dying.add(about)
    } else if (operation.id === 'discardDeadLetter') {
      this.#drop('dead-letters', about)
      this.gone.push(about)
    }
  }

  /** It has been seen to be dead. */
  died(id: string): void {
    this.dying.delete(id)
    this.#put('dead-letters', { id })
  }

  #put(kind: Kind, made: Made): void {
    // What cannot be read as HTTP may be answered as if it were another request.
    if (typeof made.id !== 'string') return
    this.#made[kind] = [...this.#made[kind].filter(({ id }) => id !== made.id), made]
  }

  #drop(kind: Kind, id: string): void {
    this.#made[kind] = this.#made[kind].filter((made) => made.id !== id)
    this.gone.push(id)
  }
}
