import { Worker } from 'node:worker_threads'

/**
 * Ends this process when its event loop has not turned for `stalledMs`: a handler that never gives it back keeps
 * everything else from running, timeouts included, and only another process can go on. What is unfinished then
 * is taken over, or handled after a restart.
 *
 * The dog is a thread of its own. It counts its own ticks, so that a process that was stopped or slept as a
 * whole, thread included, is not ended for that.
 */
export function startWatchdog(stalledMs: number): void {
  const turns = new Int32Array(new SharedArrayBuffer(4))
  const heart = setInterval(() => Atomics.add(turns, 0, 1), TICK_MS)
  heart.unref()
  const dog = new Worker(DOG, {
    eval: true,
    workerData: { turns, tickMs: TICK_MS, ticks: Math.ceil(stalledMs / TICK_MS), stalledMs },
  })
  dog.unref()
}

const TICK_MS = 50

/** As text, so that it is found however this is run. It writes by itself: standard error is of the stalled thread. */
const DOG = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const inspector = require('node:inspector')
const { turns, tickMs, ticks, stalledMs } = workerData
let seen = 0
let still = 0
setInterval(() => {
  const now = Atomics.load(turns, 0)
  still = now === seen && inspector.url() === undefined ? still + 1 : 0
  seen = now
  if (still < ticks) return
  writeSync(2, 'keypost: the event loop stood still for ' + stalledMs + ' ms; ending the process\\n')
  process.kill(process.pid, 'SIGKILL')
}, tickMs)
`
