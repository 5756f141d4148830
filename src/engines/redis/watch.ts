import type { Redis } from 'ioredis'
import { WAKE } from './keys.js'

type Wake = (partition: number) => void

/**
 * Tells watchers in which partition something was published. A subscription does not get what was published
 * while it was away, so whenever it is back, every partition counts as changed.
 */
export function watcher(subscriptions: Redis, partitions: () => number): (wake: Wake) => () => void {
  const watchers = new Set<Wake>()
  const tell = (partition: number) => {
    for (const wake of watchers) wake(partition)
  }
  const subscribe = () => {
    if (watchers.size === 0) return
    subscriptions.subscribe(WAKE).then(
      () => {
        for (let partition = 0; partition < partitions(); partition++) tell(partition)
      },
      () => {}, // the connection is gone: `ready` will come again
    )
  }
  subscriptions.on('ready', subscribe)
  subscriptions.on('message', (channel, partition) => {
    if (channel === WAKE) tell(Number(partition))
  })
  return (wake) => {
    watchers.add(wake)
    if (watchers.size === 1 && subscriptions.status === 'ready') subscribe()
    return () => watchers.delete(wake)
  }
}
