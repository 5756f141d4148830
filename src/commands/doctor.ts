import { loadConfig } from '../config.js'
import { type Check, lineOf } from '../doctor/check.js'
import { environment } from './runtime.js'

/**
 * `keypost doctor`: looks at the engine and the data with the configuration of a start, and changes nothing. Ends
 * with 1 if something needs mending. With `json` it prints `{ok, checks: [{name, level, detail, advice}]}`.
 */
export async function doctor({ json }: { json: boolean }): Promise<void> {
  const config = loadConfig(environment())
  const examination =
    config.REDIS_URL === undefined
      ? (await import('../doctor/embedded.js')).examineEmbedded(config)
      : (await import('../doctor/redis.js')).examineRedis(config, config.REDIS_URL)
  const checks: Check[] = []
  for await (const check of examination) {
    checks.push(check)
    if (!json) console.log(lineOf(check))
  }
  const ok = checks.every(({ level }) => level !== 'failed')
  if (json) console.log(JSON.stringify({ ok, checks }, null, 2))
  if (!ok) process.exitCode = 1
}
