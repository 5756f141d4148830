import { setTimeout as delay } from 'node:timers/promises'

/** What a promise comes to, or `late` if that takes longer than `ms`. */
export async function within<T, L>(ms: number, promise: Promise<T>, late: L): Promise<T | L> {
  const timer = new AbortController()
  try {
    return await Promise.race([promise, delay(ms, late, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}
