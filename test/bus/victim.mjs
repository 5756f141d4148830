import { setTimeout as pause } from 'node:timers/promises'
import { Publisher } from '../../dist/src/bus/publisher.js'
import { startSubscriber } from '../../dist/src/bus/subscriber.js'
import { startWatchdog } from '../../dist/src/bus/watchdog.js'
import { openEmbedded } from '../../dist/src/engines/embedded/index.js'
import { connect } from '../../dist/src/engines/redis/connections.js'
import { openRedis } from '../../dist/src/engines/redis/index.js'

/**
 * A processor that its handlers may end: `end` exits, `stall` never gives the event loop back, `fill` runs out
 * of memory. It says which event it starts, and leaves in order when everything is settled.
 */
const [where, settings] = process.argv.slice(2).map((arg, i) => (i === 1 ? JSON.parse(arg) : arg))

const common = {
  partitions: 1,
  pepperIds: ['a', 'pepper'],
  onFatal: (error) => {
    throw error
  },
}
const engine = where.startsWith('redis:')
  ? await openRedis({ ...common, connections: connect(where) })
  : await openEmbedded({ ...common, dataDir: where })

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
startWatchdog(settings.leaseMs)
const subscriber = startSubscriber({
  engine,
  publisher: new Publisher(engine, { peppers: ['p'.repeat(32)], source: '/test', operationTtlMs: 60_000 }),
  handlers: [
    {
      topic: 'things',
      type: 'thing.happened',
      handle: ({ id, data }) => {
        process.send?.(id)
        if (data === 'end') process.exit(7)
        if (data === 'stall') for (;;);
        if (data === 'fill') for (const all = []; ; ) all.push('x'.repeat(1e6) + all.length)
        return { outcome: { code: 'recorded' } }
      },
    },
  ],
  settings,
  log: quiet,
})
for (;;) {
  const counted = (await engine.stats()).topics.things
  if (counted.pending + counted.retrying === 0) break
  await pause(5)
}
await subscriber.stop()
await engine.close()
process.exit(0)
