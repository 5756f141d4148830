import type { Test } from 'tap'
import { redisInstalled } from '../redis-server.js'
import { fuzz } from './fuzz.js'
import type { Ledger } from './ledger.js'
import { share, table, unseen } from './report.js'
import type { EngineName } from './rig.js'

/** The least share of valid requests that are carried out, in percent. */
const CARRIED_OUT = 90

/**
 * So many requests, made from the OpenAPI document, to both engines, with and without tokens.
 *   FUZZ_SEED      chooses them; without it, a new one is chosen and told
 *   FUZZ_REQUESTS  how many
 *   FUZZ_ONLY      one session alone, of those that a failure names
 */
export async function fuzzed(t: Test, usual: number): Promise<void> {
  const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
  const requests = Number(process.env.FUZZ_REQUESTS ?? usual)
  const only = process.env.FUZZ_ONLY === undefined ? undefined : Number(process.env.FUZZ_ONLY)
  console.error(`FUZZ_SEED=${seed}`)
  const engines: EngineName[] = redisInstalled(t) ? ['embedded', 'redis'] : ['embedded']
  const plans = engines.flatMap((engine) => [true, false].map((withTokens) => ({ engine, withTokens })))
  const ledgers: Ledger[] = []
  t.setTimeout(3_600_000)
  for (const [i, plan] of plans.entries())
    await t.test(
      `${plan.engine}, ${plan.withTokens ? 'with' : 'without'} tokens: every answer is as documented`,
      async (t) => {
        t.setTimeout(3_600_000)
        const started = performance.now()
        const ledger = await fuzz(t, {
          ...plan,
          seed,
          plan: i,
          requests: Math.ceil(requests / plans.length),
          ...(only !== undefined && { only }),
        })
        ledgers.push(ledger)
        const seconds = (performance.now() - started) / 1000
        t.comment(`${ledger.requests} requests in ${seconds.toFixed(1)} s, ${ledger.putOff} put off`)
        for (const failure of ledger.failures) console.error(`\n${failure}\n`)
        t.strictSame(
          ledger.failures.map((failure) => failure.split('\n', 1)[0]),
          [],
        )
      },
    )
  if (only !== undefined) return
  await t.test('every operation was carried out, and refused', async (t) => {
    t.comment(table(ledgers))
    t.strictSame(unseen(ledgers), [])
    t.ok(
      share(ledgers) >= CARRIED_OUT,
      `${share(ledgers).toFixed(1)} % of the valid requests were carried out`,
    )
  })
}
