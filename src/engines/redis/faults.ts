import { Unavailable } from '../errors.js'

/** Replies that say that Redis cannot do this now, though it may a moment later. */
const INFRASTRUCTURE =
  /^(LOADING|READONLY|MASTERDOWN|OOM|MISCONF|CLUSTERDOWN|NOREPLICAS|TRYAGAIN|UNBLOCKED|BUSY|NOAUTH|WRONGPASS|NOPERM)\b/

/**
 * What a failed command means to the engine's callers. Errors of the client carry the command with its
 * arguments, so none of them is passed on, neither as it is nor as a cause.
 */
export function fault(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('a Redis command failed')
  if (error instanceof Unavailable) return error
  if (error.name !== 'ReplyError') return new Unavailable(`Redis cannot be reached: ${withoutStack(error)}`)
  const code = INFRASTRUCTURE.exec(error.message)?.[1]
  if (code !== undefined) return new Unavailable(`Redis refuses: ${code}`)
  return new Error(`a Redis command failed: ${error.message.slice(0, 200)}`)
}

/** Connection errors say where and why in their message (`connect ECONNREFUSED 127.0.0.1:6379`). */
const withoutStack = ({ message, name }: Error) => (message === '' ? name : message)
