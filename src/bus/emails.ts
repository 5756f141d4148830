import { OPERATION_TTL_MS } from '../domain/change.js'
import { placementOf } from '../domain/ids.js'
import { claimant, emailClaim, emailPlacement, parseClaimant } from '../domain/profiles.js'
import type { Engine } from '../engines/engine.js'
import { Conflict } from '../engines/errors.js'
import { KeypostError } from '../errors.js'

/**
 * An email belongs to one profile at a time, though the claim on it may live in another partition than the
 * profile. A claim names a profile and one attempt to write it, and goes through these states:
 *
 * - free → reserved: the attempt swaps it in, before it commits the profile.
 * - reserved → live: the profile is committed with this email.
 * - reserved → dead: the attempt was refused, or its process died. Whoever finds the claim and not the profile
 *   to match first aborts the attempt (its operation id is taken, so it can never commit), then swaps the
 *   claim by its exact value.
 * - live → dead: the profile was committed with another email, or deleted. The one who did so frees the claim
 *   by its exact value; until then whoever finds it treats it as above.
 *
 * As every swap names the exact value, a late release never hits a claim that is another's by now.
 */

/** Whether the claim `found` on the email holds. If not, it never will again, and may be swapped. */
export async function isLive(engine: Engine, email: string, found: string): Promise<boolean> {
  const { profileId, operationId } = parseClaimant(found)
  const matches = async () => {
    const profile = await engine.get('profiles', profileId)
    return profile !== null && emailClaim(profile.email) === emailClaim(email)
  }
  if (await matches()) return true
  const abort = { name: `op:${operationId}`, from: null, to: 'aborted', ttlMs: OPERATION_TTL_MS }
  const operation = await engine.swap(placementOf(profileId), abort)
  return operation === 'done' && (await matches())
}

/** The value of the claim that may be taken over: null when it is free. @throws email_taken */
export async function findFree(engine: Engine, email: string, found: string | null): Promise<string | null> {
  if (found !== null && (await isLive(engine, email, found))) {
    throw new KeypostError('email_taken', 'Another profile has this email.', [
      { in: 'body', pointer: '/email', message: 'belongs to another profile' },
    ])
  }
  return found
}

/**
 * Claims the email for one attempt. @throws email_taken; Conflict when it is the profile's own by now: somebody
 * else made the same change.
 */
async function reserve(engine: Engine, email: string, value: string): Promise<void> {
  const at = emailPlacement(email, engine.layout.placementKey)
  let from: string | null = null
  for (;;) {
    const found = await engine.swap(at, { name: emailClaim(email), from, to: value })
    if (found === from || found === value) return
    const own = found !== null && profileOf(found) === profileOf(value)
    if (own && (await isLive(engine, email, found))) {
      throw new Conflict({ what: 'version', id: profileOf(value) })
    }
    from = await findFree(engine, email, found)
  }
}

const profileOf = (value: string): string => parseClaimant(value).profileId

async function release(engine: Engine, email: string, value: string): Promise<void> {
  const at = emailPlacement(email, engine.layout.placementKey)
  await engine.swap(at, { name: emailClaim(email), from: value, to: null })
}

/** The claim that a profile holds on its email now. */
async function held(engine: Engine, profile: { id: string; email: string }): Promise<string | null> {
  const at = emailPlacement(profile.email, engine.layout.placementKey)
  const found = await engine.swap(at, { name: emailClaim(profile.email), from: null, to: null })
  return found !== null && parseClaimant(found).profileId === profile.id ? found : null
}

/**
 * Commits a change that takes a profile from one email to another (null: that deletes it).
 * A release that fails leaves a dead claim, which harms nobody: see above.
 */
export async function moveEmail<T>(
  engine: Engine,
  before: { id: string; email: string },
  after: { email: string } | null,
  operationId: string,
  commit: () => Promise<T>,
): Promise<T> {
  if (after !== null && emailClaim(before.email) === emailClaim(after.email)) return commit()
  const old = await held(engine, before)
  const value = claimant(before.id, operationId)
  if (after !== null) await reserve(engine, after.email, value)
  try {
    const committed = await commit()
    if (old !== null) await release(engine, before.email, old).catch(() => {})
    return committed
  } catch (error) {
    if (after !== null && error instanceof Conflict) await release(engine, after.email, value).catch(() => {})
    throw error
  }
}
