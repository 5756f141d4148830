import { randomBytes } from 'node:crypto'
import type { Layout } from '../engine.js'
import { Misconfigured } from '../errors.js'
import { unknownPeppers } from '../peppers.js'
import { factsIn } from './info.js'
import { META } from './keys.js'
import { checkRights } from './rights.js'
import { script } from './scripts.js'
import type { Store } from './store.js'

const bootScript = script('boot')

/** Raised when stored data changes in a way that older code must not touch. */
export const LAYOUT_VERSION = 2
const DEFAULT_PARTITIONS = 8

export interface BootOptions {
  /** undefined: those of the data, or the default for new data. */
  partitions: number | undefined
  /** Of the peppers in use; the first one writes. */
  pepperIds: string[]
  /** The layout that this process has worked with is gone, and was given back to what is there now. */
  onLost: () => void
  /** Told at the start: duplicates of some keys are not found. */
  onUnknownPepper: () => void
}

type Reply =
  | ['ok', partitions: string, placementKey: string, isNew: 0 | 1, pepperIds: string]
  | ['layout' | 'partitions', stored: string]
  | ['pepper']

/**
 * Sees that the server can keep what it is given, and takes it from this user, and that the data fits the configuration.
 * @throws Misconfigured
 */
export async function boot(store: Store, options: BootOptions, known: Layout | null): Promise<Layout> {
  await checkRights(store)
  checkServer(await store.call((redis) => redis.info()))
  const { db: wanted = 0 } = store.connections.commands.options
  checkDatabase(await store.call((redis) => redis.client('INFO')), wanted)
  return layoutOf(store, options, known)
}

/**
 * Compares the layout of the data with the configuration, or gives it to new data. `known` is the layout that
 * this process has worked with so far: if the data was lost meanwhile, what replaces it keeps that layout.
 * @throws Misconfigured
 */
export async function layoutOf(store: Store, options: BootOptions, known: Layout | null): Promise<Layout> {
  const wanted = known?.partitions ?? options.partitions
  const reply = (await store.run(
    bootScript,
    [META],
    [
      LAYOUT_VERSION,
      wanted ?? '',
      DEFAULT_PARTITIONS,
      known?.placementKey ?? randomBytes(32).toString('hex'),
      ...options.pepperIds,
    ],
  )) as Reply
  switch (reply[0]) {
    case 'layout':
      throw new Misconfigured(
        `the data in Redis has layout ${reply[1]}; this version knows ${LAYOUT_VERSION}`,
      )
    case 'partitions':
      throw new Misconfigured(
        `PARTITIONS is ${wanted}, but the data in Redis was laid out with ${reply[1]}; that cannot be changed`,
      )
    case 'pepper':
      throw new Misconfigured(
        'the data in Redis was written under another KEY_PEPPER; add that one to the list',
      )
  }
  const [, partitions, placementKey, isNew, writtenUnder] = reply
  if (known !== null && known.placementKey !== placementKey)
    throw new Misconfigured('the data in Redis was replaced by other data while this process was running')
  if (known !== null && isNew === 1) options.onLost()
  if (known === null && unknownPeppers(writtenUnder.split(','), options.pepperIds) > 0)
    options.onUnknownPepper()
  return { partitions: Number(partitions), placementKey }
}

/**
 * @param info what INFO answers
 * @throws Misconfigured when the server is too old or may evict what was acknowledged
 */
export function checkServer(info: string): void {
  const facts = factsIn(info)
  checkVersion(facts)
  checkEviction(facts)
}

/** @throws Misconfigured */
export function checkVersion(facts: Map<string, string>): void {
  const version = facts.get('redis_version') ?? '0'
  if (Number.parseInt(version, 10) < 7) throw new Misconfigured(`Redis ${version} is too old; 7.0 is needed`)
}

/** @throws Misconfigured */
export function checkEviction(facts: Map<string, string>): void {
  const policy = facts.get('maxmemory_policy') ?? 'noeviction'
  if (facts.get('maxmemory') !== '0' && policy !== 'noeviction')
    throw new Misconfigured(
      `Redis may evict acknowledged data: its maxmemory-policy is ${policy}; set it to noeviction`,
    )
}

/**
 * A connection whose SELECT was refused goes on in database 0, which may be another application's.
 * @param info what CLIENT INFO answers
 */
function checkDatabase(info: string, wanted: number): void {
  if (/ db=(\d+) /.exec(info)?.[1] !== String(wanted))
    throw new Misconfigured(
      `REDIS_URL names database ${wanted}, which this Redis does not have or its user may not SELECT`,
    )
}
