import type { Load } from './load.js'
import type { EngineName, Rig, Setting } from './rig.js'

/** Mends what was broken; resolves when it is mended. */
export type Heal = () => Promise<unknown> | unknown

export interface Fault {
  name: string
  engines: readonly EngineName[]
  setting: Setting
  /** Breaks something, and resolves when that shows. */
  inject(rig: Rig, load: Load): Promise<Heal>
}

export const both = ['embedded', 'redis'] as const
export const redisOnly = ['redis'] as const

export function backend({ redis }: Rig) {
  if (redis === null) throw new Error('this fault is for Redis')
  return redis
}
