import type { Fault } from './fault.js'
import { machineFaults } from './machine-faults.js'
import { processFaults } from './process-faults.js'
import { networkFaults, redisFaults } from './redis-faults.js'
import type { EngineName, Setting } from './rig.js'

const all: Fault[] = [...processFaults, ...redisFaults, ...networkFaults, ...machineFaults]

/** The faults that one engine meets in one setting. */
export const faultsOf = (engine: EngineName, setting: Setting): Fault[] =>
  all.filter((fault) => fault.engines.includes(engine) && fault.setting === setting)
