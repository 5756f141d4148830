import type { Handled, Handler } from '../bus/handler.js'
import { settleKey } from '../domain/keys.js'
import { recordIdOf, topics } from '../domain/topics.js'
import type { Outcome } from '../schemas/result.js'

/**
 * Accepts a key, or says why not: it expired, its profile does not exist, or another key was committed with
 * its fingerprint first. Changes the key only while it is pending.
 */
export const keySubmitted: Handler = {
  topic: topics.keys,
  type: 'key.submitted',
  async handle(event, { engine, publisher }): Promise<Handled> {
    const key = await engine.get('keys', recordIdOf(event.subject ?? ''))
    if (key === null) return { outcome: { code: 'gone' } }
    if (key.status !== 'pending') return { outcome: { code: 'recorded', status: key.status } }

    const now = new Date()
    const reasons: string[] = []
    if (key.expiresAt !== null && Date.parse(key.expiresAt) <= now.getTime()) reasons.push('expired')
    if (key.profileId !== null && (await engine.get('profiles', key.profileId)) === null) {
      reasons.push('profile_not_found')
    }
    const { duplicateOf, prints } = await publisher.originalOf(key, reasons.length > 0)
    const status = reasons.length > 0 ? 'rejected' : duplicateOf === null ? 'accepted' : 'duplicate'
    const outcome: Record<typeof status, Outcome> = {
      accepted: { code: 'accepted' },
      duplicate: { code: 'duplicate', duplicateOf },
      rejected: { code: 'rejected', reasons },
    }
    const change = settleKey(key, { status, reasons, duplicateOf }, prints, now)
    return { outcome: outcome[status], change }
  },
}
