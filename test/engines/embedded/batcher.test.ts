import { mkdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { Batcher } from '../../../src/engines/embedded/batcher.js'
import { openStore } from '../../../src/engines/embedded/store.js'
import { Conflict } from '../../../src/engines/errors.js'
import { folder } from './fixtures.js'

function batching(t: Test) {
  const dataDir = folder(t)
  mkdirSync(dataDir)
  const store = openStore(dataDir)
  const batcher = new Batcher(
    store,
    () => {},
    (error) => t.fail(error.message),
  )
  t.teardown(async () => {
    await batcher.close()
    await store.close()
  })
  const put = (name: string) => batcher.run(() => store.put(Buffer.from(name), 'v'))
  const has = (name: string) => store.has(Buffer.from(name))
  return { store, batcher, put, has }
}

t.test('what breaks half-way is taken back, and the others of its group are carried out', async (t) => {
  const { store, batcher, put, has } = batching(t)
  const others = ['a', 'b', 'c', 'd'].map(put)
  const broken = batcher.run(() => {
    store.put(Buffer.from('half'), 'v')
    throw new RangeError('a bug')
  })
  const later = ['e', 'f'].map(put)
  await t.rejects(broken, { name: 'RangeError' })
  await Promise.all([...others, ...later])
  t.strictSame(['a', 'b', 'c', 'd', 'e', 'f', 'half'].map(has), [true, true, true, true, true, true, false])
})

t.test('what refuses does not concern the others, and those of one group see each other', async (t) => {
  const { store, batcher, put, has } = batching(t)
  const first = put('a')
  const refused = batcher.run(() => {
    throw new Conflict({ what: 'aborted' })
  })
  const seen = batcher.run(() => store.has(Buffer.from('a')))
  await t.rejects(refused, { name: 'Conflict' })
  await first
  t.equal(await seen, true)
  t.equal(has('a'), true)
})
