import { randomInt } from 'node:crypto'
import type { Test } from 'tap'
import type { Handler } from '../../src/bus/handler.js'
import { Publisher } from '../../src/bus/publisher.js'
import type { BusSettings } from '../../src/bus/settings.js'
import { startSubscriber } from '../../src/bus/subscriber.js'
import type { Peppers } from '../../src/domain/context.js'
import type { Engine } from '../../src/engines/engine.js'
import { Unavailable } from '../../src/engines/errors.js'
import type { Result } from '../../src/schemas/result.js'
import { folder, openOn } from '../engines/embedded/fixtures.js'
import { open } from '../engines/redis/fixtures.js'
import { checkMessages } from '../messages.js'
import { redisInstalled, redisServer } from '../redis-server.js'
import { until } from '../until.js'

/** Runs a test on every engine, each with data of its own. */
export function onEachEngine(
  t: Test,
  name: string,
  run: (t: Test, engine: Engine) => Promise<void>,
  { partitions = 1 } = {},
): void {
  const checked = async (t: Test, engine: Engine) => {
    await run(t, engine)
    await checkMessages(engine)
  }
  t.test(`${name}: embedded`, async (t) => checked(t, await openOn(t, folder(t), { partitions })))
  t.test(`${name}: redis`, async (t) => {
    if (!redisInstalled(t)) return
    const { url } = await redisServer(t)
    await checked(t, await open(t, url, { partitions }))
  })
}

/** The real engine, with some of its methods going another way. */
export const over = (engine: Engine, methods: Partial<Engine>): Engine =>
  Object.assign(Object.create(engine), methods)

/** An engine of which one write in `oneIn` fails before it and one after it, as when a process is killed. */
export function failing(engine: Engine, oneIn: number): Engine {
  const maybe = async <T>(write: () => Promise<T>): Promise<T> => {
    const chance = randomInt(oneIn)
    if (chance === 0) throw new Unavailable('before the write')
    const answer = await write()
    if (chance === 1) throw new Unavailable('after the write')
    return answer
  }
  return over(engine, {
    commit: (change) => maybe(() => engine.commit(change)),
    swap: (placement, claim) => maybe(() => engine.swap(placement, claim)),
    settle: (partition, token, settlements) => maybe(() => engine.settle(partition, token, settlements)),
  })
}

export const publisherOn = (engine: Engine, peppers: Peppers = ['p'.repeat(32)]): Publisher =>
  new Publisher(engine, { peppers, source: '/test', operationTtlMs: 60_000 })

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** Handles `thing.happened` on the topic `things`, as `publish` makes them. */
export const things = (handle: Handler['handle']): Handler => ({
  topic: 'things',
  type: 'thing.happened',
  handle,
})

export const recorded = { outcome: { code: 'recorded' } }

export const settings: BusSettings = {
  leaseMs: 400,
  maxAttempts: 3,
  retryBaseMs: 10,
  retryCapMs: 100,
  handlerTimeoutMs: 10_000,
  concurrency: 16,
  eventTtlMs: 60_000,
  resultTtlMs: 60_000,
  replayRate: 1_000,
  drainMs: 5_000,
}

/** Handles events until it is stopped, at the latest when the test ends. */
export function subscribe(
  t: Test,
  engine: Engine,
  handlers: Handler[],
  changed: Partial<BusSettings> = {},
  publisher = publisherOn(engine),
) {
  const subscriber = startSubscriber({
    engine,
    publisher,
    handlers,
    settings: { ...settings, ...changed },
    log: quiet,
  })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= subscriber.stop()
    return stopped
  }
  t.teardown(stop)
  return { id: subscriber.id, health: () => subscriber.health(), stop }
}

/** The result of an event, once there is one. */
export async function resultOf(engine: Engine, eventId: string): Promise<Result> {
  let result: Result | null = null
  await until(async () => {
    result = await engine.get('results', eventId)
    return result !== null
  })
  if (result === null) throw new Error('no result')
  return result
}

/** A promise that is resolved from outside. */
export function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** How often something happened for each name, in order of first occurrence. */
export class Tally {
  readonly names: string[] = []
  add(name: string): number {
    this.names.push(name)
    return this.of(name)
  }
  of(name: string): number {
    return this.names.filter((one) => one === name).length
  }
}
