import { randomBytes } from 'node:crypto'
import type { Write } from './client.js'
import { DEMO_TOPIC } from './handlers.js'

/** Writes that are sent side by side, and all settled before the next step. */
export interface Step {
  title: string
  writes: Write[]
  /** Statuses by which a service says that it does not have what this step needs: then it is left out. */
  optional?: number[]
}

const PROFILES = 5
const GOOD = 40
const DUPLICATES = 8
const EXPIRED = 4
const UNKNOWN = 3

/** No profile has it: of a time before there were any. */
const NO_PROFILE = '00000000-0000-7000-8000-000000000000'

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n))

/**
 * What the demo sends. A step is made when the one before it has settled, from the ids of the records that the
 * earlier ones created. Every run has names of its own, so that it can be repeated on the same data.
 */
export class Scenario {
  readonly #run = randomBytes(4).toString('hex')

  profiles(): Step {
    const writes = times(PROFILES, (n) =>
      post('/profiles', { name: `Demo profile ${n + 1}`, email: `demo-${this.#run}-${n + 1}@example.com` }),
    )
    return { title: 'create profiles', writes }
  }

  keys(profiles: string[]): Step {
    const writes = times(GOOD, (n) =>
      post('/keys', {
        key: this.#key(n),
        name: `Demo key ${n + 1}`,
        profileId: profiles[n % profiles.length],
      }),
    )
    return { title: 'submit keys', writes }
  }

  bad(): Step {
    const duplicates = times(DUPLICATES, (n) => post('/keys', { key: this.#key(n), name: 'Demo duplicate' }))
    const expired = times(EXPIRED, (n) =>
      post('/keys', {
        key: this.#key(GOOD + n),
        name: 'Demo expired',
        expiresAt: '2020-01-01T00:00:00.000Z',
      }),
    )
    const unknown = times(UNKNOWN, (n) =>
      post('/keys', { key: this.#key(GOOD + EXPIRED + n), name: 'Demo stray', profileId: NO_PROFILE }),
    )
    return {
      title: 'submit duplicates, expired keys, unknown profiles',
      writes: [...duplicates, ...expired, ...unknown],
    }
  }

  changes(profiles: string[], keys: string[]): Step {
    const writes: Write[] = [
      ...keys.slice(0, 4).map((id) => patch(`/keys/${id}`, { name: 'Demo key, renamed' })),
      ...keys.slice(4, 7).map((id) => post(`/keys/${id}/revoke`)),
      ...keys.slice(7, 10).map((id) => ({ method: 'DELETE' as const, path: `/keys/${id}` })),
      ...profiles.slice(0, 1).map((id) => patch(`/profiles/${id}`, { name: 'Demo profile, renamed' })),
      ...profiles.slice(-1).map((id) => ({ method: 'DELETE' as const, path: `/profiles/${id}` })),
    ]
    return { title: 'rename, revoke and delete', writes }
  }

  /** With `failing`, also what only the demo's own handlers are there for. */
  custom(failing: boolean): Step {
    const types = failing ? ['demo.said', 'demo.flaky', 'demo.failing'] : ['demo.said']
    const writes = types.map((type) =>
      post(`/topics/${DEMO_TOPIC}/events`, { type, data: { run: this.#run } }),
    )
    return {
      title: failing ? 'publish on a topic of our own, also what fails' : 'publish on a topic of our own',
      writes,
      optional: [404, 405],
    }
  }

  /** Obviously no key to anyone who finds it. */
  #key(n: number): string {
    return `not-a-real-key-demo-${this.#run}-${String(n).padStart(4, '0')}`
  }
}

const post = (path: string, body?: object): Write => ({ method: 'POST', path, ...(body && { body }) })
const patch = (path: string, body: object): Write => ({ method: 'PATCH', path, body })
