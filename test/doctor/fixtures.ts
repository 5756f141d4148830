import { createHash } from 'node:crypto'
import { type Config, loadConfig } from '../../src/config.js'
import { type Check, lineOf } from '../../src/doctor/check.js'
import { pepperId } from '../../src/domain/secrets.js'
import type { Delivery, Engine, Settlement } from '../../src/engines/engine.js'
import {
  ALL,
  done,
  key,
  next,
  profile,
  publish,
  reclaim,
  reopen,
  retry,
  sweepAll,
  take,
  writing,
} from '../engines/contract/fixtures.js'

export const PEPPER = createHash('sha256').update('of the doctor').digest('hex')
export const pepperIds = [pepperId(PEPPER)]

export const configOf = (env: Record<string, string>): Config => loadConfig({ KEY_PEPPER: PEPPER, ...env })

/** What was found, and those findings that are not fine, as people read them. */
export async function examined(examination: AsyncIterable<Check>) {
  const checks: Check[] = []
  for await (const check of examination) checks.push(check)
  const lines = (level: Check['level']) => checks.filter((check) => check.level === level).map(lineOf)
  return { checks, warnings: lines('warning'), failures: lines('failed') }
}

/** Takes the partition, and ends its events in turn in each of these ways. */
async function settle(engine: Engine, partition: number, ...ways: ((delivery: Delivery) => Settlement)[]) {
  const token = await take(engine, partition)
  const { fresh, due } = await reclaim(engine, partition)
  const settlements = [...fresh, ...due].flatMap((delivery, i) => ways[i % ways.length]?.(delivery) ?? [])
  for (const verdict of await engine.settle(partition, token, settlements))
    if (verdict !== 'settled') throw new Error(`not settled: ${verdict}`)
}

const processed = (delivery: Delivery) => done(delivery)
const dead = (delivery: Delivery) => done(delivery, { status: 'dead' })
const later = (delivery: Delivery) => retry(delivery, 600_000)

/** Everything that can be in the data of a partition: swept, replaced, discarded, open, unfinished, deleted. */
export async function fill(engine: Engine, partition: number): Promise<void> {
  const gone = await publish(engine, 6, partition, { topic: 'old' })
  await settle(engine, partition, processed, dead)
  for (const id of gone.filter((_, i) => i % 2 === 1)) await reopen(engine, id, 'discard')
  await sweepAll(engine, { partition, resultsBefore: ALL })

  const ada = profile(partition)
  const deploy = key(partition, {
    profileId: ada.id,
    provider: 'stripe',
    expiresAt: '2030-01-01T00:00:00.000Z',
  })
  await engine.commit(writing(partition, 'profiles', null, ada))
  await engine.commit(writing(partition, 'keys', null, deploy))
  await engine.commit(
    writing(partition, 'keys', deploy, next(deploy, { status: 'accepted', expiresAt: null })),
  )
  const bob = profile(partition)
  await engine.commit(writing(partition, 'profiles', null, bob))
  await engine.commit(writing(partition, 'profiles', bob, null))
  await settle(engine, partition, processed)

  const ids = await publish(engine, 12, partition)
  await settle(engine, partition, processed, dead, later)
  await reopen(engine, ids[0] ?? '', 'replay')
  await reopen(engine, ids[1] ?? '', 'redrive')
  await reopen(engine, ids[4] ?? '', 'discard')
  await reopen(engine, ids[3] ?? '', 'replay')
  await settle(engine, partition, processed, dead)
  await reopen(engine, ids[0] ?? '', 'replay')
  await publish(engine, 3, partition, { subject: 'things/1' })
}
