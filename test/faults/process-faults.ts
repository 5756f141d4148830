import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../until.js'
import { both, type Fault, redisOnly } from './fault.js'
import { LEASE_MS, type Rig } from './rig.js'
import type { StopPoint, Supervised } from './supervised.js'

/** The process beside the API. */
function processor({ processes }: Rig): Supervised {
  const [, process] = processes
  if (process === undefined) throw new Error('there is only the API')
  return process
}

/** Each has its part of the work. */
const shared = ({ tenures }: Rig) => until(() => tenures === null || tenures.holders === 2, 20_000)

const kill = (
  name: string,
  engines: Fault['engines'],
  which: (rig: Rig) => Supervised,
  point?: StopPoint,
): Fault => ({
  name: point === undefined ? `kill -9 of ${name}` : `kill -9 of ${name} ${point} a handler`,
  engines,
  setting: 'plain',
  inject: async (rig) => {
    await shared(rig)
    const victim = which(rig)
    if (point !== undefined) await victim.stopsAt(point)
    await victim.kill()
    return () => victim.listening()
  },
})

const points = ['before', 'in', 'after'] as const
const api = (rig: Rig) => rig.api

export const processFaults: Fault[] = [
  kill('the API', both, api),
  ...points.map((point) => kill('the API', both, api, point)),
  kill('a processor', redisOnly, processor),
  ...points.map((point) => kill('a processor', redisOnly, processor, point)),
  {
    name: 'SIGSTOP beyond the lease',
    engines: redisOnly,
    setting: 'plain',
    inject: async (rig) => {
      await shared(rig)
      const paused = processor(rig)
      paused.signal('SIGSTOP')
      await until(() => rig.tenures?.holders === 1, 20_000)
      return () => paused.signal('SIGCONT')
    },
  },
  {
    name: 'SIGSTOP beyond the lease',
    engines: ['embedded'],
    setting: 'plain',
    inject: async ({ api }) => {
      api.signal('SIGSTOP')
      await pause(LEASE_MS * 1.2) // nobody is left to see it
      return () => api.signal('SIGCONT')
    },
  },
  {
    name: 'SIGTERM under load',
    engines: both,
    setting: 'plain',
    inject: async ({ processes, options }) => {
      const told = options.random.pick(processes)
      const ended = told.ended()
      told.signal('SIGTERM')
      await ended
      return () => told.listening()
    },
  },
]
