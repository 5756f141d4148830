import type { Config } from '../config.js'
import { topics } from '../domain/topics.js'
import {
  COMMANDS,
  DATABASE_COMMANDS,
  OPTIONAL_COMMANDS,
  REPLICA_COMMANDS,
  ruleOf,
} from '../engines/redis/commands.js'
import { refusedOf } from '../engines/redis/rights.js'
import type { Store } from '../engines/redis/store.js'
import { CHANNELS, USERS_FILE } from '../engines/redis/users.js'
import { type Check, failed, ok, warning } from './check.js'

/**
 * Whether the user may give every command, on the keys and channels of Keypost.
 * @throws Unavailable when Redis cannot be reached
 */
export async function checkRights(store: Store, { WAIT_REPLICAS }: Config): Promise<Check> {
  const name = 'rights'
  const channels = Object.values(topics).map(published)
  const { db = 0 } = store.connections.commands.options
  const needed = [
    ...COMMANDS,
    ...channels,
    ...(WAIT_REPLICAS > 0 ? REPLICA_COMMANDS : []),
    ...(db > 0 ? DATABASE_COMMANDS : []),
  ]
  const refused = await refusedOf(store, [...needed, ...OPTIONAL_COMMANDS])
  if (refused === 'scripts')
    return failed(
      name,
      'the user may not run scripts',
      `take the user keypost of ${USERS_FILE}, or allow evalsha and eval and run this again`,
    )
  const missing = refused.filter((command) => needed.includes(command))
  if (missing.length > 0)
    return failed(
      name,
      `the user may not ${missing.map(described).join(', ')}`,
      `take the user keypost of ${USERS_FILE}, or ACL SETUSER <user> ` +
        `${[...new Set(missing.map((command) => `+${ruleOf(command)}`))].join(' ')} ~keypost:* ` +
        `${CHANNELS.map((channel) => `&${channel}`).join(' ')}, and ACL SAVE`,
    )
  const [less] = refused
  return less === undefined
    ? ok(
        name,
        `each of the ${needed.length + OPTIONAL_COMMANDS.length} that Keypost uses, on its keys and channels`,
      )
    : warning(
        name,
        `every command that is needed, but not ${described(less)}`,
        'allow it, or know by yourself how often Redis flushes its append-only file',
      )
}

/** Whether plain subscribers can hear every topic: events on a channel that is not allowed are kept, not published. */
export async function checkChannels(store: Store, topics: string[]): Promise<Check[]> {
  const commands = await refusedOf(store, topics.map(published))
  const refused = commands === 'scripts' ? topics : commands.map(([, topic]) => topic)
  if (refused.length === 0) return []
  return [
    warning(
      'channels',
      `the user may not publish on the channels of ${refused.join(', ')}: plain subscribers do not hear these events`,
      `ACL SETUSER <user> ${refused.map((topic) => `&${topic}`).join(' ')}, and ACL SAVE`,
    ),
  ]
}

const published = (topic: string): string[] => ['PUBLISH', topic, '']

const described = (command: string[]): string =>
  command[0] === 'PUBLISH' || command[0] === 'SUBSCRIBE'
    ? `${ruleOf(command)} (channel ${command[1]})`
    : ruleOf(command)
