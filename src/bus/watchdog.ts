import inspector from 'node:inspector'
import { Worker } from 'node:worker_threads'

/**
 * Ends this process when its event loop has not turned for `stalledMs`: a handler that never gives it back keeps
 * everything else from running, timeouts included, and only another process can go on. What is unfinished then
 * is taken over, or handled after a restart.
 *
 * The dog is a thread of its own. It counts its own ticks, so that a process that was stopped or slept as a
 * whole, thread included, is not ended for that; nor is one that a debugger may have stopped.
 *
 * Answers how to set another limit.
 */
export function startWatchdog(stalledMs: number): (stalledMs: number) => void {
  const shared = new Int32Array(new SharedArrayBuffer(12))
  const limit = (ms: number) => {
    Atomics.store(shared, TICKS, Math.ceil(ms / TICK_MS))
  }
  limit(stalledMs)
  const beat = () => {
    Atomics.add(shared, TURNS, 1)
    // Only this thread knows.
    Atomics.store(shared, DEBUGGED, inspector.url() === undefined ? 0 : 1)
  }
  beat()
  setInterval(beat, TICK_MS).unref()
  const dog = new Worker(DOG, {
    eval: true,
    workerData: { shared, TURNS, DEBUGGED, TICKS, tickMs: TICK_MS },
  })
  dog.unref()
  return limit
}

const TICK_MS = 50
const TURNS = 0
const DEBUGGED = 1
/** The limit, in ticks. */
const TICKS = 2

/** As text, so that it is found however this is run. It writes by itself: standard error is of the stalled thread. */
const DOG = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const { shared, TURNS, DEBUGGED, TICKS, tickMs } = workerData
let seen = 0
let still = 0
setInterval(() => {
  const now = Atomics.load(shared, TURNS)
  still = now === seen && Atomics.load(shared, DEBUGGED) === 0 ? still + 1 : 0
  seen = now
  const ticks = Atomics.load(shared, TICKS)
  if (still < ticks) return
  writeSync(2, 'keypost: the event loop stood still for ' + ticks * tickMs + ' ms; ending the process\\n')
  process.kill(process.pid, 'SIGKILL')
}, tickMs)
`
