import { openEmbedded } from '../../../src/engines/embedded/index.js'
import { event, key, publishing, writing } from '../contract/fixtures.js'

/** What a process tells that writes until the disk is full. */
export interface Report {
  acknowledged: string[]
  fatal: string[]
  refused: string[]
  /** What it hears that goes on nevertheless. */
  later: string[]
}

const fatal: string[] = []
const engine = await openEmbedded({
  dataDir: process.argv[2] ?? '',
  partitions: 1,
  pepperIds: ['a'],
  onFatal: (error) => fatal.push(String(error)),
})

const acknowledged: string[] = []
async function fill(): Promise<never> {
  for (;;) {
    const record = key(0, { metadata: { padding: 'x'.repeat(500) } })
    await engine.commit(writing(0, 'keys', null, record))
    acknowledged.push(record.id)
  }
}

const reasons = async (promises: Promise<unknown>[]) =>
  (await Promise.allSettled(promises)).map((outcome) =>
    outcome.status === 'rejected' ? String(outcome.reason) : 'fulfilled',
  )

const refused = await reasons(Array.from({ length: 10 }, fill))
const later = await reasons([
  engine.commit(publishing(0, event(0))),
  engine.get('keys', acknowledged[0] ?? ''),
])
await engine.close()
const report: Report = { acknowledged, fatal, refused, later }
process.send?.(report, () => process.disconnect())
