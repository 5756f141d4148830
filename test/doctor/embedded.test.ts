import t from 'tap'
import { examineEmbedded } from '../../src/doctor/embedded.js'
import { keys, lastPart, under } from '../../src/engines/embedded/keys.js'
import { openStore, type Store } from '../../src/engines/embedded/store.js'
import { folder, openOn } from '../engines/embedded/fixtures.js'
import { configOf, examined, fill, pepperIds } from './fixtures.js'

const look = (DATA_DIR: string) => examined(examineEmbedded(configOf({ DATA_DIR })))

/** The first key under a path. */
function some(store: Store, ...path: (string | number)[]): Buffer {
  for (const key of store.keys({ ...under(...path), limit: 1 })) return key
  throw new Error(`nothing under ${path}`)
}
const last = (store: Store, ...path: (string | number)[]) => lastPart(some(store, ...path))

/** Ways to damage the raw data: what each takes away, and what must be said of it. */
const losses: [what: string, find: (store: Store) => Buffer, said: RegExp][] = [
  ['counters', () => keys.counters(1, 'things'), /counter processed of things/],
  ['what was swept', () => keys.swept(1, 'old'), /counter published of old/],
  ['an entry of the log', (store) => keys.entry('log', 1, last(store, 'open', 1)), /gone from the log/],
  ['an entry of the results', (store) => some(store, 'results', 1), /result that is not/],
  ['an announcement', (store) => some(store, 'announcement'), /id of their announcement/],
  ['a result', (store) => some(store, 'done', 1), /not found by the id of their event/],
  ['an open event', (store) => some(store, 'open', 1), /one half of the open set/],
  ['when it is due', (store) => some(store, 'due', 1), /one half of the open set/],
  ['a row of an index', (store) => some(store, 'index', 'results', 1), /index of the results are missing/],
  ['a row of records', (store) => some(store, 'index', 'keys', 1), /index of keys are missing/],
]

t.test('what Keypost wrote is in order, and each damage to it is found', async (t) => {
  const dataDir = folder(t)
  const engine = await openOn(t, dataDir, { partitions: 2, pepperIds })
  for (const partition of [0, 1]) await fill(engine, partition)
  const { checks, failures, warnings } = await look(dataDir)
  t.strictSame([failures, warnings], [[], []], 'while a process has it')
  t.match(checks.at(-1), { name: 'recount', level: 'ok' })
  await engine.close()
  t.match((await look(dataDir)).warnings, [/no process has the folder/])

  const store = openStore(dataDir)
  t.teardown(() => store.close())
  for (const [what, find, said] of losses) {
    const key = find(store)
    const value = store.get(key)
    if (value === undefined) throw new Error(`there is no ${what}`)
    await store.transaction(() => store.remove(key))
    t.match((await look(dataDir)).failures.join('\n'), said, what)
    await store.transaction(() => store.put(key, value))
  }
  const watermark = store.get(keys.watermark(1)) ?? ''
  await store.transaction(() => store.put(keys.watermark(1), '9999999999999-00000000'))
  t.match((await look(dataDir)).failures.join('\n'), /will never be handled/)
  await store.transaction(() => store.put(keys.watermark(1), watermark))
  t.strictSame((await look(dataDir)).failures, [], 'whole again')
})

t.test('no data, and data of another pepper', async (t) => {
  const dataDir = folder(t)
  t.match((await look(dataDir)).failures, [/there is no data in/])
  const engine = await openOn(t, dataDir, { pepperIds: ['another'] })
  await engine.close()
  t.match((await look(dataDir)).failures, [/none of KEY_PEPPER/])
})
