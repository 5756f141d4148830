import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { Type } from 'typebox'
import { buildApp } from '../../src/app.js'
import { loadConfig } from '../../src/config.js'
import { defineHandler } from '../../src/handlers/define.js'
import { folder } from '../helper.js'
import { redisServer } from '../redis-server.js'
import type { Tokens } from './body-twists.js'
import { marksIn } from './ledger.js'
import { DYING } from './things.js'
import { KEY_MARK } from './values.js'

export type EngineName = 'embedded' | 'redis'

export interface Rig {
  app: FastifyInstance
  port: number
  tokens: Tokens | null
  log: LogWatch
}

const TOKENS: Tokens = {
  all: 'kp_all_0123456789abcdef',
  read: 'kp_read_0123456789abcdef',
  write: 'kp_write_0123456789abcdef',
  admin: 'kp_admin_0123456789abcdef',
}

/** Reads every line of the log and keeps what is wrong with it. */
export class LogWatch {
  readonly failures: string[] = []
  readonly marks = new Set<string>()

  write(line: string): void {
    if (line.includes(KEY_MARK)) this.#fail('a raw key in the log', line)
    for (const token of Object.values(TOKENS))
      if (line.includes(token)) this.#fail('a token in the log', line)
    for (const mark of marksIn(line)) this.marks.add(mark)
    // Events that die on purpose are told as errors.
    if (/"level":[56]0/.test(line) && !line.includes('"event is dead"'))
      this.#fail('an error in the log', line)
  }

  #fail(what: string, line: string): void {
    if (this.failures.length < 10) this.failures.push(`${what}: ${line.slice(0, 2000)}`)
  }
}

const handlers = [
  defineHandler({
    ...DYING,
    settings: { maxAttempts: 1 },
    handle() {
      throw new Error('as it is meant to')
    },
  }),
  defineHandler({
    topic: DYING.topic,
    type: 'checked',
    schema: Type.Object({ total: Type.Integer() }, { additionalProperties: false }),
    handle: () => ({ seen: true }),
  }),
]

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Keypost as it is served, on an engine of its own. */
export async function rig(t: Test, engine: EngineName, withTokens: boolean): Promise<Rig> {
  const log = new LogWatch()
  const scopes = Object.entries(TOKENS).map(([name, token]) => {
    const allowed = name === 'all' ? 'read+write+admin' : name
    return `${name}:${allowed}:${sha256(token)}`
  })
  const config = loadConfig({
    LOG_LEVEL: 'trace',
    PORT: '0',
    DATA_DIR: await folder(t),
    KEY_PEPPER: 'a pepper of the tests long enough for them',
    RATE_LIMIT: '100000000',
    MAX_UNFINISHED: '100000000',
    REPLAY_RATE: '1000',
    ...(withTokens && { API_TOKENS: scopes.join(',') }),
    ...(engine === 'redis' && { REDIS_URL: (await redisServer(t)).url, PARTITIONS: '2' }),
  })
  const app = await buildApp(config, { logTo: log, handlers, onFatal: (error) => t.fail(error.message) })
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { app, port, tokens: withTokens ? TOKENS : null, log }
}
