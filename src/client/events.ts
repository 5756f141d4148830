import type { topics } from '../domain/topics.js'
import type { KeypostEvent } from '../schemas/event.js'
import type { Key } from '../schemas/key.js'
import type { Profile } from '../schemas/profile.js'
import type { Result } from '../schemas/result.js'

/** What the events of each type of Keypost have as `data`. */
export interface EventMap {
  'key.submitted': Key
  'key.updated': Key
  'key.revoked': Key
  'key.deleted': Key
  'profile.created': Profile
  'profile.updated': Profile
  'profile.deleted': Profile
  'event.processed': Result
  'event.dead': Result
}

/** Which types the topics of Keypost have. */
export interface TopicMap {
  [topics.keys]: 'key.submitted' | 'key.updated' | 'key.revoked' | 'key.deleted'
  [topics.profiles]: 'profile.created' | 'profile.updated' | 'profile.deleted'
  [topics.results]: 'event.processed' | 'event.dead'
}

/** An event of one type; `data` follows from it. */
export type EventOf<Type extends keyof EventMap> = {
  [T in Type]: Omit<KeypostEvent, 'type' | 'data'> & { type: T; data: EventMap[T] }
}[Type]

/** An event on a topic: of Keypost's own a union told apart by `type`, of any other one with unknown `data`. */
export type EventOn<Topic extends string> = Topic extends keyof TopicMap
  ? EventOf<TopicMap[Topic]>
  : KeypostEvent
