import { performance } from 'node:perf_hooks'
import type { Test } from 'tap'
import { until } from '../until.js'
import { check } from './checker.js'
import type { Fault } from './fault.js'
import type { Write } from './ledger.js'
import { Load, type LoadOptions } from './load.js'
import { drained, LEASE_MS, type Rig, type RigOptions, startRig } from './rig.js'

/** After the last heal nothing is left to do for longer, on a machine that has nothing else to do. */
export const DRAIN_MS = LEASE_MS + 5000
/** On one that is busy with other tests, how long it takes is told, and only a backlog that stays is a fault. */
export const PATIENT_MS = 90_000

/** So many acknowledged writes are asked for by HTTP, too. */
const SAMPLE = 100

export interface Pace extends Pick<LoadOptions, 'connections' | 'rate' | 'changes' | 'failing' | 'slow'> {
  /** How many writes are acknowledged before each fault. */
  before: number
  /** How long it may take until nothing is left to do after a heal, in milliseconds. */
  drainMs: number
}

/** What came of one fault, once. */
export interface Row {
  engine: string
  fault: string
  acknowledged: number
  lost: number
  doubled: number
  drainSeconds: number
}

export interface RoundResult {
  rows: Row[]
  violations: string[]
}

let rounds = 0

/** Faults one after the other, under load, on fresh data; after each the backlog drains, after the last all is checked. */
export async function round(t: Test, faults: Fault[], pace: Pace, options: RigOptions): Promise<RoundResult> {
  const rig = await startRig(t, options)
  const rows: Row[] = []
  const violations: string[] = []
  const run = `r${process.pid}-${rounds++}`
  for (const [i, fault] of faults.entries()) {
    const acknowledged = rig.ledger.acknowledged
    const row: Row = {
      engine: options.engine,
      fault: fault.name,
      acknowledged,
      lost: 0,
      doubled: 0,
      drainSeconds: Number.NaN,
    }
    rows.push(row)
    try {
      row.drainSeconds = await cycle(rig, fault, pace, `${run}-${i}`)
    } catch (error) {
      violations.push(`"${fault.name}": ${(error as Error).message}`)
    }
    row.acknowledged = rig.ledger.acknowledged - acknowledged
  }
  const stats = await rig.stats()
  await rig.tenures?.end()
  const raw = await rig.raw()
  const { writes } = rig.ledger
  const verdict = check({ raw, writes, stats, tenures: rig.tenures, clocksSet: rig.clock !== null })
  for (const [i, row] of rows.entries()) {
    const sentThen = ({ name }: Write) => name.startsWith(`${run}-${i}-`)
    row.lost = verdict.lost.filter(sentThen).length
    row.doubled = verdict.doubled.filter(sentThen).length
  }
  violations.push(...verdict.violations, ...(await served(rig)))
  return { rows, violations }
}

/** Load, fault, heal; answers how many seconds after the heal nothing was left to do. */
async function cycle(rig: Rig, fault: Fault, pace: Pace, run: string): Promise<number> {
  const { ledger, options, api } = rig
  const load = new Load({ ...pace, run, ledger, url: api.url, random: options.random }, fault.name)
  let healedAt = performance.now()
  try {
    await acknowledges(rig, pace.before)
    const heal = await fault.inject(rig, load)
    await heal()
    healedAt = performance.now()
    await acknowledges(rig, pace.connections)
  } finally {
    await load.end()
  }
  return drained(rig, healedAt, pace.drainMs)
}

const acknowledges = ({ ledger }: Rig, writes: number) => {
  const before = ledger.acknowledged
  return until(() => ledger.acknowledged >= before + writes, PATIENT_MS).catch(() => {
    throw new Error(`only ${ledger.acknowledged - before} writes were acknowledged in ${PATIENT_MS} ms`)
  })
}

/** What a client sees of some of the writes that were acknowledged. */
async function served({ api, ledger, options }: Rig): Promise<string[]> {
  const violations: string[] = []
  const acknowledged = ledger.writes.filter(({ state }) => state === 'acknowledged')
  for (const { eventId, name } of options.random.shuffled(acknowledged).slice(0, SAMPLE))
    for (const list of ['events', 'results']) {
      const answer = await fetch(`${api.url}/${list}/${eventId}`)
      await answer.arrayBuffer()
      if (answer.status !== 200) violations.push(`GET /${list}/${eventId} answers ${answer.status} (${name})`)
    }
  return violations
}
