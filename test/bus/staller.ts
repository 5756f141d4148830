import { startWatchdog } from '../../src/bus/watchdog.js'

/** When it is told to: stalls its event loop for many times what its watchdog bears, then leaves with 0. */
process.on('message', () => {
  startWatchdog(60_000)(200)
  const end = Date.now() + 3000
  while (Date.now() < end);
  process.exit(0)
})
process.send?.('ready')
