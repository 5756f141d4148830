import { Misconfigured } from '../errors.js'
import { COMMANDS, REPLICA_COMMANDS, ruleOf } from './commands.js'
import { script } from './scripts.js'
import type { Store } from './store.js'
import { USERS_FILE } from './users.js'

const rightsScript = script('rights')

/**
 * Those of the commands that the user may not give; none of them is given. `scripts`: that cannot be asked, as the user
 * may not run scripts.
 * @throws Unavailable when Redis cannot be reached
 */
export async function refusedOf(store: Store, commands: string[][]): Promise<string[][] | 'scripts'> {
  const words = commands.map((command) => JSON.stringify(command))
  try {
    const numbers = (await store.run(rightsScript, [], words)) as number[]
    return numbers.flatMap((number) => [commands[number - 1] ?? []])
  } catch (error) {
    if ((error as Error).message.includes('NOPERM')) return 'scripts'
    throw error
  }
}

/**
 * Sees that the user may give every command, since a script that is refused half-way has written the first half.
 * Channels of topics are not asked for: what cannot be published on one is kept, and only not heard.
 * @throws Misconfigured
 * @throws Unavailable when Redis cannot be reached
 */
export async function checkRights(store: Store): Promise<void> {
  const needed = [...COMMANDS, ...(store.connections.waitReplicas > 0 ? REPLICA_COMMANDS : [])]
  const refused = await refusedOf(store, needed)
  if (refused.length === 0) return
  const rules = refused === 'scripts' ? ['run scripts'] : new Set(refused.map(ruleOf))
  throw new Misconfigured(
    `the user of REDIS_URL may not ${[...rules].join(', ')} (on keys keypost:*); the user keypost of ${USERS_FILE} has all rights that are needed`,
  )
}
