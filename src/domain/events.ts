import type { Key } from '../schemas/key.js'
import type { Profile } from '../schemas/profile.js'
import type { NewEvent } from './change.js'
import { newId, placementOf } from './ids.js'
import { subjects, topics } from './topics.js'

interface Facts {
  source: string
  /** Of an update: the names of the fields that it changed. */
  changed?: string[]
}

/** An event of a record: `data` is the record after the change, or before it when the change deletes it. */
const recordEvent = (
  topic: string,
  type: string,
  subject: string,
  data: Key | Profile,
  { source, changed }: Facts,
): NewEvent => ({
  specversion: '1.0',
  id: newId(placementOf(data.id)),
  source,
  type,
  subject,
  topic,
  ...(changed === undefined ? {} : { changed: changed.join(',') }),
  data,
})

export type KeyEventType = 'key.submitted' | 'key.updated' | 'key.revoked' | 'key.deleted'
export const keyEvent = (type: KeyEventType, key: Key, facts: Facts): NewEvent =>
  recordEvent(topics.keys, type, subjects.key(key.id), key, facts)

export type ProfileEventType = 'profile.created' | 'profile.updated' | 'profile.deleted'
export const profileEvent = (type: ProfileEventType, profile: Profile, facts: Facts): NewEvent =>
  recordEvent(topics.profiles, type, subjects.profile(profile.id), profile, facts)
