import inspector from 'node:inspector'
import { Worker } from 'node:worker_threads'

/**
 * Ends this process when its event loop has not turned for `stalledMs`: a handler that never gives it back keeps
 * everything else from running, timeouts included, and only another process can go on. What is unfinished then
 * is taken over, or handled after a restart.
 *
 * The dog is a thread of its own. It counts its own ticks, so that a process that was stopped or slept as a
 * whole, thread included, is not ended for that; nor is one that a debugger may have stopped.
 */
export function startWatchdog(stalledMs: number): void {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const beat = () => {
    Atomics.add(shared, TURNS, 1)
    // Only this thread knows.
    Atomics.store(shared, DEBUGGED, inspector.url() === undefined ? 0 : 1)
  }
  beat()
  setInterval(beat, TICK_MS).unref()
  const dog = new Worker(DOG, {
    eval: true,
    workerData: {
      shared,
      TURNS,
      DEBUGGED,
      tickMs: TICK_MS,
      ticks: Math.ceil(stalledMs / TICK_MS),
      stalledMs,
    },
  })
  dog.unref()
}

const TICK_MS = 50
const TURNS = 0
const DEBUGGED = 1

/** As text, so that it is found however this is run. It writes by itself: standard error is of the stalled thread. */
const DOG = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const { shared, TURNS, DEBUGGED, tickMs, ticks, stalledMs } = workerData
let seen = 0
let still = 0
setInterval(() => {
  const now = Atomics.load(shared, TURNS)
  still = now === seen && Atomics.load(shared, DEBUGGED) === 0 ? still + 1 : 0
  seen = now
  if (still < ticks) return
  writeSync(2, 'keypost: the event loop stood still for ' + stalledMs + ' ms; ending the process\\n')
  process.kill(process.pid, 'SIGKILL')
}, tickMs)
`
