import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { folder } from '../helper.js'
import { addressOf, type Process, run } from '../process.js'
import { formsOf, newMarker, Places } from './marker.js'
import { type Got, type Sent, send, sendBytes } from './requests.js'

/** A handler of thing.happened that shows and throws all that it has. */
const INDISCREET = `import { inspect } from 'node:util'
export default {
  topic: 'things',
  type: 'thing.happened',
  settings: { maxAttempts: 1 },
  async handle(event, context) {
    const all = inspect({ event, context }, { depth: 12, showHidden: true, maxStringLength: null })
    console.error('indiscreet', all)
    context.log.error({ event, attempt: context.attempt }, all)
    throw Object.assign(new Error(all.slice(0, 400)), { code: 'indiscreet', event, context })
  },
}
`

/** Secrets with markers in them, everything that was seen while they were used, and processes that use them. */
export async function rigOf(t: Test, env: Record<string, string> = {}) {
  const markers = { key: newMarker(), token: newMarker(), pepper: newMarker() }
  const token = `kp_${markers.token}`
  const handlers = await folder(t)
  await writeFile(join(handlers, 'indiscreet.mjs'), INDISCREET)
  const common = {
    LOG_LEVEL: 'trace',
    KEY_PEPPER: `${markers.pepper}_of_tests`,
    API_TOKENS: `canary:read+write+admin:${createHash('sha256').update(token).digest('hex')}`,
    HANDLERS: handlers,
    LEASE_MS: '1000',
    OTEL_BSP_SCHEDULE_DELAY: '100',
    ...env,
  }
  const places = new Places()
  const processes: Process[] = []
  const start = async (args: string[] = [], more: Record<string, string> = {}) => {
    const process = await run(t, args, { ...common, ...more })
    processes.push(process)
    return { process, url: await addressOf(process) }
  }

  /** Sends a request with the token, and keeps what is answered; null: nothing was. */
  const call = async (url: string, sent: Sent): Promise<Got | null> => {
    const headers = { authorization: `Bearer ${token}`, ...sent.headers }
    const got = await send(url, { ...sent, headers }).catch(() => null)
    if (got !== null) places.add('answers', got.whole)
    return got
  }
  const bytes = async (url: string, text: string) => places.add('answers', await sendBytes(url, text))

  /** What is found of any secret in any place. */
  const leaks = (): string[] => {
    for (const { out, err } of processes) {
      places.add('standard output', out())
      places.add('standard error', err())
    }
    const secrets = Object.fromEntries(Object.entries(markers).map(([name, of]) => [name, formsOf(of)]))
    const password = env.REDIS_URL === undefined ? [] : [Buffer.from(new URL(env.REDIS_URL).password)]
    return places.names.flatMap((place) => places.search(place, { ...secrets, password }))
  }
  return { markers, token, places, start, call, bytes, leaks, processes }
}
export type Rig = Awaited<ReturnType<typeof rigOf>>

/** Every byte of every file of a folder. */
export async function keepFiles(places: Places, place: string, path: string): Promise<void> {
  const files = await readdir(path, { recursive: true, withFileTypes: true })
  for (const file of files.filter((file) => file.isFile()))
    places.add(place, await readFile(join(file.parentPath, file.name)))
}
