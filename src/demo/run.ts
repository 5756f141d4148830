import { setTimeout as pause } from 'node:timers/promises'
import pLimit from 'p-limit'
import type { Result } from '../schemas/result.js'
import type { Client, Written } from './client.js'
import type { Progress } from './progress.js'
import { Scenario, type Step } from './scenario.js'

/** Side by side: enough to be quick, too few to be a load. */
const CONCURRENCY = 8
const POLL_MS = 20

export interface Outcome {
  results: Result[]
  /** Events that had no result in time. */
  unsettled: string[]
}

export interface Options {
  /** There are handlers for what is to fail. */
  failing: boolean
  /** Given up when nothing settles for so long. */
  patienceMs: number
}

/**
 * Carries out the scenario, step by step, up to the first that does not settle.
 * @throws Refused
 */
export async function runDemo(client: Client, progress: Progress, options: Options): Promise<Outcome> {
  const demo = new Demo(client, progress, options.patienceMs)
  const scenario = new Scenario()
  const profiles = await demo.carryOut(scenario.profiles())
  const keys = await demo.carryOut(scenario.keys(profiles))
  await demo.carryOut(scenario.bad())
  await demo.carryOut(scenario.changes(profiles, keys))
  await demo.carryOut(scenario.custom(options.failing))
  return demo
}

class Demo implements Outcome {
  readonly results: Result[] = []
  unsettled: string[] = []
  readonly #slots = pLimit(CONCURRENCY)

  constructor(
    private readonly client: Client,
    private readonly progress: Progress,
    private readonly patienceMs: number,
  ) {}

  /** Sends what a step consists of, waits for the results, and answers the ids of the records. */
  async carryOut({ title, writes, optional = [] }: Step): Promise<string[]> {
    if (this.unsettled.length > 0) return []
    this.progress.show(title, 0, writes.length)
    const written = await Promise.all(
      writes.map((write) => this.#slots(() => this.client.send(write, optional))),
    )
    const missing = written.find(({ status }) => optional.includes(status))
    if (missing !== undefined) {
      this.progress.done(`- ${title}: left out, as this service answers ${missing.status}`)
      return []
    }
    await this.#settled(written, (count) => this.progress.show(title, count, writes.length))
    const count = writes.length - this.unsettled.length
    this.progress.done(
      `${this.unsettled.length === 0 ? '✓' : '✗'} ${title}: ${count} of ${writes.length} settled`,
    )
    return written.flatMap(({ id }) => id ?? [])
  }

  /** Waits for the result of each event, for as long as there is any progress. */
  async #settled(written: Written[], tell: (count: number) => void): Promise<void> {
    let waiting = written.flatMap(({ eventId }) => eventId ?? [])
    let deadline = performance.now() + this.patienceMs
    while (waiting.length > 0 && performance.now() < deadline) {
      const answers = await Promise.all(
        waiting.map((id) => this.#slots(() => this.client.get<Result>(`/results/${id}`))),
      )
      const found = answers.flatMap(({ status, body }) => (status === 200 ? [body] : []))
      this.results.push(...found)
      waiting = waiting.filter((_, i) => answers[i]?.status !== 200)
      if (found.length > 0) deadline = performance.now() + this.patienceMs
      tell(written.length - waiting.length)
      if (waiting.length > 0) await pause(POLL_MS)
    }
    this.unsettled = waiting
  }
}
