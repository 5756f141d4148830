import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../app.js'
import { Bell } from '../bus/bell.js'
import { loadConfig } from '../config.js'
import type { HandlerDefinition } from '../handlers/define.js'
import type { KeypostEvent } from '../schemas/event.js'

export { defineHandler, type HandlerDefinition } from '../handlers/define.js'
export type { KeypostEvent } from '../schemas/event.js'

/** A settlement is announced; this is for the one that is not. */
const LOOK_MS = 250
const PAGE = 200

export interface TestAppOptions {
  /** Those that a folder `HANDLERS` would have. */
  handlers?: HandlerDefinition[]
  /** The configuration, as in the environment; that of the process is not looked at. */
  env?: Record<string, string>
}

export interface TestApp {
  /** Keypost, ready for `app.inject()` or `app.listen()`. */
  app: FastifyInstance
  /** Waits until every event has its result, also those that are waiting for a retry. */
  settled(): Promise<void>
  /** Every event that was published so far, the announcements of results too, oldest first. */
  published(): Promise<KeypostEvent[]>
  /** Ends it, and its data with it. */
  close(): Promise<void>
}

/** Keypost on an embedded engine in a folder of its own, for the tests of programs that use it. */
export async function testApp({ handlers = [], env = {} }: TestAppOptions = {}): Promise<TestApp> {
  const folder = await mkdtemp(join(tmpdir(), 'keypost-testing-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  let fatal: Error | null = null
  const bell = new Bell()
  const onFatal = (error: Error) => {
    fatal = error
    bell.ring()
  }
  try {
    const config = loadConfig({ LOG_LEVEL: 'silent', ...env, DATA_DIR: folder, REDIS_URL: '' })
    const app = await buildApp(config, { handlers, onFatal })
    await app.ready()
    const unwatch = app.engine.watch(() => bell.ring())
    const ended = new AbortController()

    const settled = async () => {
      for (;;) {
        if (fatal !== null) throw fatal
        bell.silence()
        const { topics } = await app.engine.stats()
        if (Object.values(topics).every(({ pending, retrying }) => pending + retrying === 0)) return
        await bell.heard(LOOK_MS, ended.signal)
      }
    }
    const published = async () => {
      const events: KeypostEvent[] = []
      for (let cursor: string | undefined; ; ) {
        const page = await app.engine.list('events', { order: 'asc', limit: PAGE, cursor })
        events.push(...page.items)
        if (page.nextCursor === null) return events
        cursor = page.nextCursor
      }
    }
    const close = async () => {
      ended.abort()
      unwatch()
      await app.close()
      await remove()
    }
    return { app, settled, published, close }
  } catch (error) {
    await remove()
    throw error
  }
}
