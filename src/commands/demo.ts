import { once } from 'node:events'
import { type Config, ConfigError, loadConfig } from '../config.js'
import { Client, Refused } from '../demo/client.js'
import { demoHandlers } from '../demo/handlers.js'
import { progressOn } from '../demo/progress.js'
import { percentiles, tableOf } from '../demo/report.js'
import { type Outcome, runDemo } from '../demo/run.js'
import { testApp } from '../testing/index.js'
import { isBearer } from '../tokens.js'
import { environment } from './runtime.js'

/**
 * `keypost demo [url]`: writes to a running service and shows what becomes of it. Without a URL that is the one
 * which this configuration is of, if it runs, or else a throw-away one. Ends with 1 if an event has no result.
 */
export async function demo(url: string | undefined): Promise<void> {
  try {
    await demonstrate(url)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    console.error(`keypost: demo: ${error.message}`)
    process.exitCode = 1
  }
}

async function demonstrate(asked: string | undefined): Promise<void> {
  const running = await runningAt(asked)
  if (running !== null) {
    console.log(`Keypost at ${running.url}: the demo leaves its records there.\n`)
    await show(running, false)
    return
  }
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  const { app, close } = await testApp({ handlers: demoHandlers })
  try {
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    console.log(`A throw-away Keypost at ${url}, as none is running.\n`)
    const shown = show(new Client(url), true).then(() => 'shown' as const)
    if ((await Promise.race([shown, interrupted])) !== 'shown') process.exitCode = 130
    else if (process.stdout.isTTY && !process.env.CI) {
      console.log('\nIt runs until you press Ctrl-C, then all of it is gone.')
      await interrupted
    } else console.log('\nIt ends here; a demo on a service of yours leaves all this to be looked at.')
  } finally {
    await close()
  }
}

/** @throws ConfigError when none runs at a URL that was asked for */
async function runningAt(asked: string | undefined): Promise<Client | null> {
  if (asked !== undefined && !/^https?:\/\//.test(asked))
    throw new ConfigError('demo: the URL must be one of http:// or https://, such as http://127.0.0.1:3000')
  const env = environment()
  const token = env.KEYPOST_TOKEN || undefined
  if (token !== undefined && !isBearer(token)) throw new ConfigError('KEYPOST_TOKEN: must be a bearer token')
  const client = new Client((asked ?? ownUrl(loadConfig(env))).replace(/(?<!\/)\/+$/, ''), token)
  if (await client.isReady()) return client
  if (asked === undefined) return null
  throw new ConfigError(`demo: no Keypost is ready at ${client.url}: see ${client.url}/readyz`)
}

const ownUrl = ({ HOST, PORT }: Config) => `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${PORT}`

/** A service that settles nothing for so long is not going to. */
const PATIENCE_MS = 20_000

async function show(client: Client, failing: boolean): Promise<void> {
  const outcome = await runDemo(client, progressOn(process.stdout), { failing, patienceMs: PATIENCE_MS })
  const [p50, p99] = percentiles(client.tookMs)
  console.log(
    `\nWhat happened (from publication to result, measured here and now)\n\n${tableOf(outcome.results)}`,
  )
  console.log(`\n  ${client.tookMs.length} requests, answered in p50 ${p50} ms, p99 ${p99} ms`)
  console.log(
    `\nSee for yourself\n\n${linksOf(client.url, outcome)
      .map((link) => `  ${link}`)
      .join('\n')}`,
  )
  if (outcome.unsettled.length === 0) return
  console.error(
    `\n${outcome.unsettled.length} events have no result, such as ${client.url}/events/${outcome.unsettled[0]}/timeline`,
  )
  process.exitCode = 1
}

function linksOf(url: string, { results }: Outcome): string[] {
  // The one with the most to tell.
  const [told] = [...results].sort((a, b) => b.attempts - a.attempts)
  return [
    `${url}/docs`,
    `${url}/results?limit=20`,
    `${url}/dead-letters`,
    ...(told === undefined ? [] : [`${url}/events/${told.id}/timeline`]),
  ]
}
