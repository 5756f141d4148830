import { META, partitionKeys, RATES, WAKE } from './keys.js'

const { log, counters, claims, logIndex, watermark } = partitionKeys(0)

/**
 * Every command that Keypost sends to Redis or calls in a script, as it could be sent: what its user must have the
 * right to. The rights of a user who may not be given all commands are made from this list.
 */
export const COMMANDS: string[][] = [
  // The connection
  ['PING'],
  ['INFO'],
  ['CLIENT', 'INFO'],
  ['CLIENT', 'SETNAME', 'keypost'],
  ['SUBSCRIBE', WAKE],
  ['TIME'],

  // Scripts, and what they write
  ['EVALSHA', '0'.repeat(40), '1', log],
  ['EVAL', '', '1', log],
  ['PUBLISH', WAKE, '0'],
  ['DEL', claims],
  ['SET', watermark, ''],
  ['HSET', META, 'layout', ''],
  ['HDEL', counters, ''],
  ['HINCRBY', counters, '', '1'],
  ['INCRBY', RATES, '1'],
  ['XADD', log, '*', '', ''],
  ['XDEL', log, '0-1'],
  ['ZADD', logIndex, '0', ''],
  ['ZREM', logIndex, ''],

  // What is read
  ['EXISTS', log],
  ['GET', watermark],
  ['HEXISTS', counters, ''],
  ['HGET', counters, ''],
  ['HGETALL', META],
  ['HKEYS', counters],
  ['HMGET', META, 'layout'],
  ['HSCAN', counters, '0'],
  ['HVALS', counters],
  ['PTTL', RATES],
  ['XINFO', 'STREAM', log],
  ['XLEN', log],
  ['XRANGE', log, '-', '+'],
  ['XREVRANGE', log, '+', '-'],
  ['ZCARD', logIndex],
  ['ZRANGE', logIndex, '-', '+', 'BYLEX'],
  ['ZSCAN', logIndex, '0'],
  ['ZSCORE', logIndex, ''],
]

/** Needed for `WAIT_REPLICAS` alone. */
export const REPLICA_COMMANDS: string[][] = [['WAIT', '1', '1']]

/** Needed for a `REDIS_URL` that names another database than 0. */
export const DATABASE_COMMANDS: string[][] = [['SELECT', '1']]

/** Those without which everything works, though less is known: how often Redis flushes. */
export const OPTIONAL_COMMANDS: string[][] = [['CONFIG', 'GET', 'appendfsync']]

const WITH_SUBCOMMANDS = new Set(['CLIENT', 'CONFIG', 'XINFO'])

/** As an ACL rule names it: `hget`, `client|info`. */
export const ruleOf = ([command = '', subcommand = '']: string[]): string =>
  (WITH_SUBCOMMANDS.has(command) ? `${command}|${subcommand}` : command).toLowerCase()
