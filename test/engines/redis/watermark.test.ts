import fc from 'fast-check'
import t from 'tap'
import { scriptOf } from '../../../src/engines/redis/scripts.js'
import { redisInstalled, redisServer } from '../../redis-server.js'

type State = 'unfinished' | 'settled' | 'open'

const { lua } = scriptOf('--@include watermark\nadvance(KEYS[1], KEYS[2], KEYS[3], KEYS[4])\n')
const KEYS = ['watermark', 'log', 'result-of', 'due']

const position = (i: number) => `${'1'.padStart(13, '0')}-${String(i).padStart(8, '0')}`

/** The watermark that belongs to a log whose entries are in these states: before its first unfinished one. */
function expected(states: State[]): string | null {
  const stop = states.indexOf('unfinished')
  const passed = stop === -1 ? states.length : stop
  return passed === 0 ? null : position(passed)
}

if (redisInstalled(t)) {
  const { client } = await redisServer(t)

  /** `states` of the entries 1, 2, …; those from `from` on are written, the earlier ones stay. */
  const write = async (states: State[], from = 0) => {
    const batch = client.pipeline()
    for (const [i, state] of states.entries()) {
      if (i >= from) batch.xadd('log', `1-${i + 1}`, 'id', `event-${i + 1}`, 'event', '{}')
      if (state === 'settled') batch.hset('result-of', `event-${i + 1}`, '')
      if (state === 'open') batch.zadd('due', 0, position(i + 1))
    }
    await batch.exec()
  }
  const advance = async () => {
    await client.eval(lua, KEYS.length, ...KEYS)
    return client.get('watermark')
  }

  const state = fc.constantFrom<State>('unfinished', 'settled', 'settled', 'open', 'open')

  t.test('the watermark stops before the first entry that is neither settled nor open', async (t) => {
    const property = fc.asyncProperty(
      fc.array(state, { maxLength: 12 }),
      fc.array(state, { maxLength: 12 }),
      async (first, added) => {
        await client.del(KEYS)
        await write(first)
        t.equal(await advance(), expected(first))
        const all = [...first, ...added]
        await write(all, first.length)
        t.equal(await advance(), expected(all))
      },
    )
    await fc.assert(property, { numRuns: 200 })
  })

  t.test('whatever order events are finished in, it never goes back, and ends at the last', async (t) => {
    const property = fc.asyncProperty(
      fc
        .integer({ min: 1, max: 12 })
        .chain((n) => fc.shuffledSubarray([...Array(n).keys()], { minLength: n })),
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      async (order, retried) => {
        await client.del(KEYS)
        const states: State[] = order.map(() => 'unfinished')
        await write(states)
        for (const i of order) {
          states[i] = retried[i] ? 'open' : 'settled'
          await write(states, states.length)
          t.equal(await advance(), expected(states))
        }
        t.equal(await advance(), position(order.length))
      },
    )
    await fc.assert(property, { numRuns: 100 })
  })

  t.test('a backlog longer than one call moves over is passed by the next calls', async (t) => {
    await client.del(KEYS)
    const states = Array.from({ length: 2500 }, (): State => 'settled')
    states[2400] = 'unfinished'
    await write(states)
    t.equal(await advance(), position(1024))
    t.equal(await advance(), position(2048))
    t.equal(await advance(), position(2400))
    t.equal(await advance(), position(2400))
  })
}
