import { type Handled, type Handler, record } from '../bus/handler.js'
import { recordIdOf, topics } from '../domain/topics.js'

/**
 * Records what changed. A key may be given to a profile just after that profile's keys were revoked: then it is
 * revoked here.
 */
export const keyUpdated: Handler = {
  topic: topics.keys,
  type: 'key.updated',
  async handle(event, { engine, publisher }): Promise<Handled> {
    const recorded = record(event)
    const id = recordIdOf(event.subject ?? '')
    const key = await engine.get('keys', id)
    if (key === null) return { outcome: { code: 'gone' } }
    const { profileId, status } = key
    if (profileId === null || status === 'pending' || status === 'rejected' || status === 'revoked')
      return recorded
    if ((await engine.get('profiles', profileId)) !== null) return recorded
    await publisher.revokeKeyIf(
      id,
      `${event.id}/${id}`,
      'profile_not_found',
      (key) => key.profileId === profileId,
    )
    return { outcome: { ...recorded.outcome, revoked: 'profile_not_found' } }
  },
}
