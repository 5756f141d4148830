// Keypost as it is built in FAULTS_DIST, with handlers that the harness can make fail, be slow, and stand still.
// What a handler does is in the metadata of its event's record:
//   fail: throws in that many attempts
//   slow: takes that many milliseconds
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const dist = pathToFileURL(`${process.env.FAULTS_DIST}/`)
const from = (path) => import(new URL(path, dist).href)
const { standardHandlers } = await from('src/handlers/index.js')
const { record } = await from('src/bus/handler.js')

/** Where the next handler is to stand still: before, in or after. */
let armed = null
process.on('message', (at) => {
  armed = at
})
process.channel?.unref()

function reached(at) {
  if (armed !== at) return false
  armed = null
  process.send(at)
  return true
}

const never = () => new Promise(() => {})
/** Keeps the event loop, so that what was just returned goes no further. */
const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)

const harnessed = ({ topic, type, handle }) => ({
  topic,
  type,
  async handle(event, context) {
    if (reached('before')) await never()
    const { fail = '0', slow = '0' } = event.data.metadata
    const handled = await handle(event, context)
    if (Number(slow) > 0) await pause(Number(slow))
    if (reached('in')) await never()
    if (context.attempt <= Number(fail)) throw new Error('as it was told')
    if (reached('after')) queueMicrotask(block)
    return handled
  },
})

const recorded = [
  ['key_submission', 'key.revoked'],
  ['key_submission', 'key.deleted'],
  ['profile_events', 'profile.created'],
  ['profile_events', 'profile.updated'],
].map(([topic, type]) => ({ topic, type, handle: record }))
standardHandlers.splice(0, standardHandlers.length, ...[...standardHandlers, ...recorded].map(harnessed))

await from('src/main.js')
