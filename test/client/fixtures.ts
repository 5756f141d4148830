import type { Test } from 'tap'
import { type Bus, connect } from '../../src/client/index.js'
import { folder } from '../helper.js'
import type { RedisServer } from '../redis-server.js'

export const PEPPER = 'a pepper of the client tests which is long'

/** A bus that is closed after the test. */
export async function onRedis(t: Test, { url }: RedisServer): Promise<Bus> {
  const bus = await connect({ redisUrl: url, pepper: PEPPER })
  t.teardown(() => bus.close())
  return bus
}

export async function onFolder(t: Test): Promise<Bus> {
  const bus = await connect({ dataDir: await folder(t) })
  t.teardown(() => bus.close())
  return bus
}

/** Publishes things with these numbers, one after another. */
export async function things(bus: Bus, ...numbers: number[]): Promise<void> {
  for (const n of numbers) await bus.publish('things', { type: 'thing', subject: 's', data: n })
}
