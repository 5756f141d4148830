/** The topics that Keypost publishes on itself. Others may not. */
export const topics = {
  keys: 'key_submission',
  profiles: 'profile_events',
  results: 'processing_results',
} as const

export const subjects = {
  key: (id: string) => `keys/${id}`,
  profile: (id: string) => `profiles/${id}`,
}

/** The id of the record that a subject of a standard topic names. */
export const recordIdOf = (subject: string): string => subject.slice(subject.indexOf('/') + 1)
