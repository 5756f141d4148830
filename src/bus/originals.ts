import { placementFor, placementOf } from '../domain/ids.js'
import {
  type Fingerprints,
  fingerprintClaim,
  fingerprintsClaim,
  fingerprintsIn,
  holdsClaim,
  originalClaim,
} from '../domain/keys.js'
import type { Claim, Engine } from '../engines/engine.js'

/**
 * With one pepper, the claim on a key's fingerprint says who the original is: the commit takes it. While peppers are
 * rotated, some processes write under the old one and some under the new one, and the claims of one raw key are
 * in different partitions. So then a key is committed together with its fingerprints under all peppers, and who is the
 * original is decided when its `key.submitted` is handled, which a crash does not take away:
 *
 * - Whoever was accepted under another pepper is the original, also if it was committed with that one pepper alone.
 * - Those that are pending and know the same fingerprints compete for one more claim, that on being the original.
 *   It is named by one of the fingerprints, which all of them choose alike. A key is accepted if that claim is its own.
 * - The claim holds as long as its holder is pending or accepted. Whoever finds it otherwise swaps it by its exact
 *   value. A key that was revoked or deleted gives it back; if the process dies before that, or the key was not accepted,
 *   it is found so. A handler never gives it back: one that was given up may still run while the next accepts the key.
 * - A key that its own commit found to be a duplicate competes for the one it is a duplicate of.
 *
 * A holder cannot come back to life, so a swap never takes the claim from an original.
 */
export async function findOriginal(
  engine: Engine,
  key: { id: string; fingerprint: string; duplicateOf: string | null },
  prints: Fingerprints,
): Promise<string> {
  for (const print of prints) {
    if (print === key.fingerprint) continue
    const holder = await read(engine, fingerprintClaim(print))
    if (holder !== null && !(await competes(engine, holder, prints))) return holder
  }
  const candidate = key.duplicateOf ?? key.id
  for (let from: string | null = null; ; ) {
    const found = await swap(engine, { name: originalClaim(prints), from, to: candidate })
    if (found === from || found === candidate) return candidate
    if (found !== null && (await isLive(engine, found))) return found
    from = found
  }
}

/** The fingerprints under all peppers that a key was committed with; null if there was one pepper. */
export async function readFingerprints(engine: Engine, id: string): Promise<Fingerprints | null> {
  const found = await engine.swap(placementOf(id), { name: fingerprintsClaim(id), from: null, to: null })
  return found === null ? null : fingerprintsIn(found)
}

/** Gives back the claim of a key that has ended. One that fails leaves a claim that holds no more: see above. */
export async function release(engine: Engine, id: string, prints: Fingerprints): Promise<void> {
  await swap(engine, { name: originalClaim(prints), from: id, to: null }).catch(() => {})
}

async function competes(engine: Engine, id: string, prints: Fingerprints): Promise<boolean> {
  // In this order: a key that ends meanwhile has lost its fingerprints, and must not look like one that never had them.
  const others = await readFingerprints(engine, id)
  const key = await engine.get('keys', id)
  return key === null || !holdsClaim(key) || (key.status === 'pending' && others?.[0] === prints[0])
}

async function isLive(engine: Engine, id: string): Promise<boolean> {
  const key = await engine.get('keys', id)
  return key !== null && holdsClaim(key)
}

const swap = (engine: Engine, claim: Claim): Promise<string | null> =>
  engine.swap(placementFor(engine.layout.placementKey, claim.name), claim)

const read = (engine: Engine, name: string): Promise<string | null> =>
  swap(engine, { name, from: null, to: null })
