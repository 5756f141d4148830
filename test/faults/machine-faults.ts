import { until } from '../until.js'
import { both, type Fault } from './fault.js'
import type { Rig } from './rig.js'

/** How far the clock of what answers there is off, in milliseconds. */
async function offset(rig: Rig): Promise<number> {
  const answer = await fetch(`${rig.api.url}/livez`)
  return Date.parse(answer.headers.get('date') ?? '') - Date.now()
}

const waits = async (rig: Rig) =>
  Object.values((await rig.stats()).topics).some(({ retrying }) => retrying > 0)

const step = (hours: number): Fault => ({
  name: `clock step of ${hours > 0 ? '+' : '−'}1 h`,
  engines: both,
  setting: 'clock',
  inject: async (rig, load) => {
    rig.clock?.set(hours * 3600)
    await until(async () => Math.abs(await offset(rig)) > 3_000_000)
    const before = load.tried
    await until(() => load.tried > before + 30)
    // What waits for a time by one clock must not wait for it by the other.
    await until(() => waits(rig), 20_000)
    return () => rig.clock?.set(0)
  },
})

export const machineFaults: Fault[] = [
  {
    name: 'a full disk',
    engines: ['embedded'],
    setting: 'disk',
    inject: async ({ api, disk }) => {
      api.hold()
      const ended = api.ended()
      disk?.fill()
      await ended
      return async () => {
        disk?.free()
        api.release()
        await api.listening()
      }
    },
  },
  {
    name: 'a full disk',
    engines: ['redis'],
    setting: 'disk',
    inject: async ({ disk, redis }) => {
      disk?.fill()
      // With appendfsync always it exits rather than acknowledge what is not on the disk.
      await until(() => redis?.client.status !== 'ready', 20_000)
      return async () => {
        disk?.free()
        await redis?.server.kill()
        await redis?.server.start()
      }
    },
  },
  step(1),
  step(-1),
]
