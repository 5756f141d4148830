import { setTimeout as delay } from 'node:timers/promises'

/** Waits until something is so, for what nothing announces, and answers it; fails when that takes too long. */
export async function until<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 30_000,
): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`waited in vain for ${look}`)
    await delay(5)
  }
}
