import { openEmbedded } from '../../../src/engines/embedded/index.js'
import { key, writing } from '../contract/fixtures.js'

/** A process that writes to the folder it is given until it is killed, and tells of all that was acknowledged. */
const engine = await openEmbedded({
  dataDir: process.argv[2] ?? '',
  partitions: 2,
  pepperIds: ['a'],
  onFatal: (error) => {
    throw error
  },
})

async function write(): Promise<void> {
  for (;;) {
    const record = key(Math.floor(Math.random() * 2))
    await engine.commit(writing(Number.parseInt(record.id.slice(-4), 16), 'keys', null, record))
    process.send?.(record.id)
  }
}
for (let i = 0; i < 20; i++) write()
