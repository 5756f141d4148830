import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { all, reclaim } from '../contract/fixtures.js'
import { folder, openOn } from './fixtures.js'

t.test(
  'a process killed while it writes loses nothing acknowledged, and leaves nothing by half',
  async (t) => {
    const dataDir = folder(t)
    const acknowledged: string[] = []
    for (const enough of [50, 300, 150]) {
      const before = acknowledged.length
      const child = fork(fileURLToPath(new URL('writer.ts', import.meta.url)), [dataDir])
      t.teardown(() => child.kill('SIGKILL'))
      child.on('message', (id) => {
        acknowledged.push(String(id))
        if (acknowledged.length === before + enough) child.kill('SIGKILL')
      })
      const [, signal] = await once(child, 'exit')
      t.equal(signal, 'SIGKILL')
    }
    t.ok(acknowledged.length >= 500)

    const engine = await openOn(t, dataDir)
    const records = (await all(engine, 'keys', {})).map(({ id }) => id)
    const kept = new Set(records)
    t.strictSame(
      acknowledged.filter((id) => !kept.has(id)),
      [],
      'all that was acknowledged is there',
    )
    const batches = await Promise.all([0, 1].map((partition) => engine.claim(partition, null, 1_000_000)))
    const subjects = batches.flatMap(({ fresh }) => fresh.map(({ event }) => event.subject))
    t.strictSame(subjects.sort(), records.map((id) => `keys/${id}`).sort(), 'each record has its event')
    t.match((await engine.stats()).topics.things, { published: records.length, pending: records.length })
    t.strictSame((await reclaim(engine)).due, [])
  },
)
