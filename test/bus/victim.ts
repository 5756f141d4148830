import { startSubscriber } from '../../src/bus/subscriber.js'
import { startWatchdog } from '../../src/bus/watchdog.js'
import { openEmbedded } from '../../src/engines/embedded/index.js'
import { connect } from '../../src/engines/redis/connections.js'
import { openRedis } from '../../src/engines/redis/index.js'
import { until } from '../until.js'
import { publisherOn, settings } from './fixtures.js'

/**
 * A processor that its handlers may end: `end` exits, `stall` never gives the event loop back, `fill` runs out
 * of memory. It says which event it starts, and leaves in order when everything is settled.
 */
const [where = '', leaseMs = ''] = process.argv.slice(2)

const common = {
  partitions: 1,
  pepperIds: ['a', 'pepper'],
  onFatal: (error: Error) => {
    throw error
  },
}
const engine = where.startsWith('redis:')
  ? await openRedis({ ...common, connections: connect(where) })
  : await openEmbedded({ ...common, dataDir: where })

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
startWatchdog(Number(leaseMs))
const subscriber = startSubscriber({
  engine,
  publisher: publisherOn(engine),
  handlers: [
    {
      topic: 'things',
      type: 'thing.happened',
      handle: ({ id, data }) => {
        process.send?.(id)
        if (data === 'end') process.exit(7)
        if (data === 'stall') for (;;);
        if (data === 'fill') for (const all: string[] = []; ; ) all.push('x'.repeat(1e6) + all.length)
        return { outcome: { code: 'recorded' } }
      },
    },
  ],
  settings: { ...settings, leaseMs: Number(leaseMs) },
  log: quiet,
})
await until(async () => {
  const counted = (await engine.stats()).topics.things
  return counted !== undefined && counted.pending + counted.retrying === 0
}, 60_000)
await subscriber.stop()
await engine.close()
process.exit(0)
