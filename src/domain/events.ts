import type { Key } from '../schemas/key.js'
import type { Profile } from '../schemas/profile.js'
import type { NewEvent } from './change.js'
import type { Context } from './context.js'
import { placementOf } from './ids.js'
import { subjects, topics } from './topics.js'

/**
 * An event of a record: `data` is the record after the change, or before it when the change deletes it.
 * `changed`: of an update, the names of the fields that it changed.
 */
const recordEvent = (
  topic: string,
  type: string,
  subject: string,
  data: Key | Profile,
  { source, newId }: Context,
  changed?: string[],
): NewEvent => ({
  specversion: '1.0',
  id: newId('event', placementOf(data.id)),
  source,
  type,
  subject,
  topic,
  ...(changed === undefined ? {} : { changed: changed.join(',') }),
  data,
})

export type KeyEventType = 'key.submitted' | 'key.updated' | 'key.revoked' | 'key.deleted'
export const keyEvent = (type: KeyEventType, key: Key, context: Context, changed?: string[]): NewEvent =>
  recordEvent(topics.keys, type, subjects.key(key.id), key, context, changed)

export type ProfileEventType = 'profile.created' | 'profile.updated' | 'profile.deleted'
export const profileEvent = (
  type: ProfileEventType,
  profile: Profile,
  context: Context,
  changed?: string[],
): NewEvent => recordEvent(topics.profiles, type, subjects.profile(profile.id), profile, context, changed)
