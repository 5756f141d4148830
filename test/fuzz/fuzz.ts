import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Test } from 'tap'
import { Random } from '../faults/random.js'
import { aftermath } from './aftermath.js'
import { Document } from './document.js'
import { Ledger } from './ledger.js'
import { type EngineName, rig } from './rig.js'
import { Session } from './session.js'
import { Connection } from './wire.js'

export interface Plan {
  engine: EngineName
  withTokens: boolean
  seed: number
  /** So that no two of a run send the same. */
  plan: number
  requests: number
  /** This session alone. */
  only?: number
}

/** Of a session. */
const STEPS = 12
const CLIENTS = 8
/** What is left over of all requests, in bytes: much less than the least that each could leave. */
const HEAP = 150 * 2 ** 20

/** Sends requests to the app until there were so many, and looks at what they left. */
export async function fuzz(
  t: Test,
  { engine, withTokens, seed, plan, requests, only }: Plan,
): Promise<Ledger> {
  const target = await rig(t, engine, withTokens)
  const { port, tokens } = target
  const served = await target.app.inject({ url: '/openapi.json', headers: { host: 'localhost' } })
  const document = new Document(served.body)
  const ledger = new Ledger(seed, document)
  let number = only ?? 0
  let heap = 0
  const client = async () => {
    const connection = new Connection(port)
    while (ledger.requests < requests) {
      const own = number++
      const random = new Random(Math.imul(4 * own + plan + 1, 0x9e3779b1) ^ seed)
      const session = new Session(own, random, { document, tokens }, connection, ledger)
      await session.run(STEPS).catch((error) => {
        ledger.failures.push(`FUZZ_SEED=${seed} FUZZ_ONLY=${own}: ${error.stack}`)
      })
      if (only !== undefined) break
      if (heap === 0 && ledger.requests > requests / 5) heap = heapUsed()
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: only === undefined ? CLIENTS : 1 }, client))
  const grown = heapUsed() - heap
  if (heap > 0 && grown > HEAP)
    ledger.failures.push(`the heap has grown by ${Math.round(grown / 2 ** 20)} MiB`)
  ledger.failures.push(...(await aftermath(target, ledger)))
  return ledger
}

/** Of what is in use. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
