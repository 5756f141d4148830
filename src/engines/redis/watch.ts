import type { Redis } from 'ioredis'
import type { News } from '../engine.js'
import { WAKE } from './keys.js'

type Wake = (partition: number, what: News) => void

/**
 * Tells watchers in which partition something was published. A subscription does not get what was published
 * while it was away, so whenever it is back, every partition counts as changed.
 */
export function watcher(subscriptions: Redis, partitions: () => number): (wake: Wake) => () => void {
  const watchers = new Set<Wake>()
  const tell = (partition: number, what: News) => {
    for (const wake of watchers) wake(partition, what)
  }
  const subscribe = () => {
    if (watchers.size === 0) return
    subscriptions.subscribe(WAKE).then(
      () => {
        for (let partition = 0; partition < partitions(); partition++) {
          tell(partition, 'events')
          tell(partition, 'results')
        }
      },
      () => {}, // the connection is gone: `ready` will come again
    )
  }
  subscriptions.on('ready', subscribe)
  subscriptions.on('message', (channel, message) => {
    if (channel !== WAKE) return
    const [partition, what] = message.split(' ')
    tell(Number(partition), what === 'results' ? what : 'events')
  })
  return (wake) => {
    watchers.add(wake)
    if (watchers.size === 1 && subscriptions.status === 'ready') subscribe()
    return () => watchers.delete(wake)
  }
}
