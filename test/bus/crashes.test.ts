import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Engine } from '../../src/engines/engine.js'
import { publish } from '../engines/contract/fixtures.js'
import { folder, openOn } from '../engines/embedded/fixtures.js'
import { open } from '../engines/redis/fixtures.js'
import { redisInstalled, redisServer } from '../redis-server.js'
import { settings } from './fixtures.js'

const victim = fileURLToPath(new URL('victim.mjs', import.meta.url))

/** As it is installed: `npm test` builds it first. Starts the processor again whenever it ended, until it leaves in order; the events that each run started. */
async function supervise(t: Test, where: string): Promise<string[][]> {
  const runs: string[][] = []
  for (let code: unknown = null; code !== 0; ) {
    const started: string[] = []
    runs.push(started)
    if (runs.length > 12) throw new Error('it never came through')
    const child = fork(victim, [where, JSON.stringify({ ...settings, leaseMs: 1000 })], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      execArgv: ['--max-old-space-size=80'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    child.on('message', (id) => started.push(String(id)))
    child.stderr?.resume()
    ;[code] = await once(child, 'exit')
  }
  return runs
}

const places: Record<string, (t: Test) => Promise<{ where: string; open(): Promise<Engine> } | null>> = {
  embedded: async (t) => {
    const dataDir = folder(t)
    return { where: dataDir, open: () => openOn(t, dataDir) }
  },
  redis: async (t) => {
    if (!redisInstalled(t)) return null
    const { url } = await redisServer(t)
    return { where: url, open: () => open(t, url, { partitions: 1 }) }
  },
}

for (const [name, place] of Object.entries(places))
  for (const end of name === 'embedded' ? ['end', 'stall', 'fill'] : ['end', 'stall'])
    t.test(
      `${name}: an event whose handler is the end of its process (${end}) is dead; others go on`,
      async (t) => {
        const at = await place(t)
        if (at === null) return
        const before = await at.open()
        const good = await publish(before, 20, 0, { data: 'good' })
        const [bad = ''] = await publish(before, 1, 0, { data: end })
        const later = await publish(before, 20, 0, { data: 'good' })
        await before.close()

        const runs = await supervise(t, at.where)
        t.ok(runs.length <= 6, `it ended ${runs.length - 1} processes, at most 5`)

        const engine = await at.open()
        const dead = await engine.get('results', bad)
        t.match(dead, { status: 'dead', error: { code: 'process_crashed' }, attempts: 3 })
        for (const id of [...good, ...later]) {
          t.match(
            await engine.get('results', id),
            { status: 'processed', attempts: 1 },
            'nobody else was blamed',
          )
        }
        const { topics } = await engine.stats()
        t.match(topics.things, { published: 41, processed: 40, dead: 1, pending: 0, retrying: 0 })
        await engine.close()
      },
    )
