import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { take } from '../../src/client/tenure.js'
import { openEmbedded } from '../../src/engines/embedded/index.js'
import type { Engine } from '../../src/engines/engine.js'
import { Unavailable } from '../../src/engines/errors.js'
import { folder } from '../helper.js'

const LEASE_MS = 500

t.test('however slow the way of another is, nobody has a name that is still safe', async (t) => {
  const engine = await openEmbedded({
    dataDir: await folder(t),
    partitions: undefined,
    pepperIds: ['p'],
    onFatal: (error) => t.fail(error.message),
  })
  t.teardown(() => engine.close())
  const { signal } = new AbortController()
  const of = (engine: Engine) => ({ engine, topic: 'things', name: 'a', leaseMs: LEASE_MS })

  let cutOff = false
  const cut: Engine = {
    ...engine,
    swap: async (...asked) => {
      if (cutOff) throw new Unavailable('cut off')
      return engine.swap(...asked)
    },
  }
  const holder = await take(of(cut), signal)

  // Its first look takes longer than a lease to get there; then the holder is never heard of again.
  let looks = 0
  const slow: Engine = {
    ...engine,
    swap: async (...asked) => {
      if (++looks === 2) await pause(1.5 * LEASE_MS)
      const found = await engine.swap(...asked)
      if (looks === 2) cutOff = true
      return found
    },
  }
  const other = await take(of(slow), signal)
  t.equal(holder?.isSafe, false)
  t.equal(other?.isSafe, true)
  await holder?.end()
  await other?.end()
})
