import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../src/app.js'
import { loadConfig } from '../src/config.js'
import { checkMessages } from './messages.js'
import { until } from './until.js'

export { until }

/** A folder of its own for one test; gone after it. */
export async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kp-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Keypost on the embedded engine, in a folder of its own, closed after the test. */
export async function build(
  t: Test,
  env: Record<string, string> = {},
  logTo?: { write(line: string): void },
): Promise<FastifyInstance> {
  const DATA_DIR = env.DATA_DIR ?? (await folder(t))
  const config = loadConfig({ LOG_LEVEL: logTo === undefined ? 'silent' : 'trace', ...env, DATA_DIR })
  const app = await buildApp(config, {
    ...(logTo && { logTo }),
    onFatal: (error) => t.fail(error.message),
  })
  t.teardown(async () => {
    try {
      await checkMessages(app.engine)
    } finally {
      await app.close()
    }
  })
  await app.ready()
  return app
}

/** Sends JSON and reads JSON. */
export async function call(
  app: FastifyInstance,
  method: NonNullable<InjectOptions['method']>,
  url: string,
  payload?: object,
  headers: Record<string, string> = {},
) {
  const response = await app.inject({ method, url, headers, ...(payload && { payload }) })
  return { status: response.statusCode, headers: response.headers, body: bodyOf(response) }
}

const bodyOf = (response: LightMyRequestResponse) => (response.body === '' ? null : response.json())

/** The result of an event, once there is one. */
export const settled = (app: FastifyInstance, eventId: unknown) =>
  until(async () => {
    const { status, body } = await call(app, 'GET', `/results/${eventId}`)
    return status === 200 && body
  })

/** Submits a key and waits for what becomes of it. */
export async function submit(app: FastifyInstance, key: object) {
  const { body, headers } = await call(app, 'POST', '/keys', { name: 'a key', ...key })
  const result = await settled(app, headers['keypost-event-id'])
  const now = await call(app, 'GET', `/keys/${body.id}`)
  return { id: body.id as string, eventId: headers['keypost-event-id'] as string, result, key: now.body }
}

let unique = 0
/** A key that no other test submits. */
export const newKey = (): string => `sk_test_${process.pid}_${Date.now()}_${unique++}_abcdefgh`
