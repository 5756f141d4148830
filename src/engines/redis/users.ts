import { topics } from '../../domain/topics.js'
import { COMMANDS, DATABASE_COMMANDS, OPTIONAL_COMMANDS, REPLICA_COMMANDS, ruleOf } from './commands.js'
import { WAKE } from './keys.js'

/** Where users find it. A test holds it and this together; `npm run acl` writes it anew. */
export const USERS_FILE = 'examples/redis/users.acl'

/** The channels that events and wake-ups of the standard topics go through; a custom topic is one more. */
export const CHANNELS = [WAKE, ...Object.values(topics)]

const KEYPOST = [
  '~keypost:*',
  'resetchannels',
  ...CHANNELS.map((channel) => `&${channel}`),
  '-@all',
  ...new Set(
    [...COMMANDS, ...REPLICA_COMMANDS, ...DATABASE_COMMANDS, ...OPTIONAL_COMMANDS].map(
      (command) => `+${ruleOf(command)}`,
    ),
  ),
]

/** Whoever only listens; its library may ping, and name its connection. */
const LISTENER = [
  'resetchannels',
  ...Object.values(topics).map((topic) => `&${topic}`),
  '-@all',
  '+subscribe +unsubscribe +ping +client|setname',
]

const user = (name: string, rules: string[]): string =>
  `user ${name} reset on #SHA256_OF_THE_PASSWORD_OF_${name.toUpperCase()} ${rules.join(' ')}`

/**
 * Nobody is let in as this user, but Redis reads its append-only file back with its rights, and without them leaves out
 * whatever scripts wrote (redis/redis#14541).
 */
const DEFAULT = 'user default reset off ~* &* +@all'

/**
 * An ACL file for Redis (`aclfile`) with as few rights as work. Redis does not start with it as it is: each hash is
 * a placeholder, which is no hash.
 */
export const usersFile = (): string =>
  [
    DEFAULT,
    user('admin', ['~*', '&*', '+@all']),
    user('keypost', KEYPOST),
    user('listener', LISTENER),
    '',
  ].join('\n')
