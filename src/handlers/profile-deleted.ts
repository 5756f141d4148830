import type { Handled, Handler } from '../bus/handler.js'
import { recordIdOf, topics } from '../domain/topics.js'

const PAGE = 200

/** Revokes the keys of a profile that was deleted, each by a change of its own that is safe to repeat. */
export const profileDeleted: Handler = {
  topic: topics.profiles,
  type: 'profile.deleted',
  async handle(event, { engine, publisher, signal }): Promise<Handled> {
    const profileId = recordIdOf(event.subject ?? '')
    let revokedKeys = 0
    let cursor: string | undefined
    do {
      const page = await engine.list('keys', { profileId, limit: PAGE, cursor })
      for (const { id, status, reasons } of page.items) {
        if (status === 'rejected') continue
        if (status === 'revoked') {
          if (reasons.includes('profile_deleted')) revokedKeys++
          continue
        }
        signal.throwIfAborted()
        await publisher.revokeKeyIf(
          id,
          `${event.id}/${id}`,
          'profile_deleted',
          (key) => key.profileId === profileId,
        )
        revokedKeys++
      }
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    return { outcome: { code: 'recorded', revokedKeys } }
  },
}
