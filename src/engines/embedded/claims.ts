import type { Claim } from '../engine.js'
import { keys, partsOf } from './keys.js'
import type { Store } from './store.js'

/** Claims taken away in one transaction at most, so that none pays for an hour of them. */
const PRUNED = 100

/** The value that a name stands for. One that has expired is absent, taken away yet or not. */
export function claimed(store: Store, partition: number, name: string): string | null {
  const { expiry, value } = read(store, partition, name)
  return expiry === 0 || expiry > Date.now() ? value : null
}

export function setClaim(store: Store, partition: number, { name, to, ttlMs }: Omit<Claim, 'from'>): void {
  const { expiry: old } = read(store, partition, name)
  if (old > 0) store.remove(keys.expiry(old, partition, name))
  if (to === null) {
    store.remove(keys.claim(partition, name))
    return
  }
  const expiry = ttlMs === undefined ? 0 : Date.now() + ttlMs
  store.put(keys.claim(partition, name), `${expiry} ${to}`)
  if (expiry > 0) store.put(keys.expiry(expiry, partition, name), '')
}

/** Takes away some of the claims that have expired. */
export function pruneClaims(store: Store): void {
  const range = { start: keys.expiry(0, 0, ''), end: keys.expiry(Date.now(), 0, ''), limit: PRUNED }
  for (const [, , partition, name] of [...store.keys(range)].map(partsOf))
    setClaim(store, Number(partition), { name: name ?? '', to: null })
}

function read(store: Store, partition: number, name: string): { expiry: number; value: string | null } {
  const stored = store.get(keys.claim(partition, name))
  if (stored === undefined) return { expiry: 0, value: null }
  const space = stored.indexOf(' ')
  return { expiry: Number(stored.slice(0, space)), value: stored.slice(space + 1) }
}
