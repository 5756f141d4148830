import type { KeypostEvent } from '../schemas/event.js'
import type { Key } from '../schemas/key.js'
import type { Profile } from '../schemas/profile.js'
import type { ResultStatus } from '../schemas/result.js'
import type { RecordKind, Stored } from './engine.js'

/**
 * Index terms. Each partition has an ordered index for its log, its results, its keys and its profiles; an
 * entry is a term and a sort key (a position, or a record's id), so a list with one filter is one range.
 * Values hold no NUL (the schemas see to it), which separates term and sort key.
 */
export const term = {
  topic: (topic: string) => `topic=${topic}`,
  type: (type: string) => `type=${type}`,
  subject: (subject: string) => `subject=${subject}`,
  topicStatus: (topic: string, status: ResultStatus) => `topic=${topic}\u0001${status}`,
  typeStatus: (type: string, status: ResultStatus) => `type=${type}\u0001${status}`,
  status: (status: string) => `status=${status}`,
  provider: (provider: string) => `provider=${provider}`,
  profile: (id: string) => `profile=${id}`,
  fingerprint: (fingerprint: string) => `fingerprint=${fingerprint}`,
  email: (email: string) => `email=${email.toLowerCase()}`,
  expires: 'expires',
  all: '*',
}

type EventFacts = Pick<KeypostEvent, 'topic' | 'type' | 'subject'>

/** Terms of an event in the log; without a filter the log itself is read. */
export const logTerms = ({ topic, type, subject }: EventFacts): string[] => [
  term.topic(topic),
  term.type(type),
  ...(subject === undefined ? [] : [term.subject(subject)]),
]

/** Terms of a result, by what it is the result of. A list by status alone merges those of every topic. */
export const resultTerms = (event: EventFacts, status: ResultStatus): string[] => [
  term.topicStatus(event.topic, status),
  term.typeStatus(event.type, status),
  ...(event.subject === undefined ? [] : [term.subject(event.subject)]),
]

/** One entry of a record's index. */
export interface RecordEntry {
  term: string
  sort: string
}

const keyEntries = (key: Key): RecordEntry[] => {
  const terms = [term.all, term.status(key.status), term.fingerprint(key.fingerprint)]
  if (key.provider !== null) terms.push(term.provider(key.provider))
  if (key.profileId !== null) terms.push(term.profile(key.profileId))
  const entries = terms.map((term) => ({ term, sort: key.id }))
  if (key.expiresAt !== null) entries.push({ term: term.expires, sort: `${key.expiresAt} ${key.id}` })
  return entries
}

const profileEntries = (profile: Profile): RecordEntry[] =>
  [term.all, term.email(profile.email)].map((term) => ({ term, sort: profile.id }))

/** The entries of a record; of none, none. A write takes away those of `before` and adds those of `after`. */
export function recordEntries<K extends RecordKind>(kind: K, record: Stored[K] | null): RecordEntry[] {
  if (record === null) return []
  return kind === 'keys' ? keyEntries(record as Key) : profileEntries(record as Profile)
}
