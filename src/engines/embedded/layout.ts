import { randomBytes } from 'node:crypto'
import type { Layout } from '../engine.js'
import { Misconfigured } from '../errors.js'
import { unknownPeppers } from '../peppers.js'
import { keys } from './keys.js'
import type { Store } from './store.js'

/** Of what is under which key. Raised when older data can no longer be read. */
export const LAYOUT_VERSION = 2

interface StoredLayout extends Layout {
  version: number
  /** Of the peppers that data was written under. */
  pepperIds: string[]
}

/**
 * What was fixed at the first boot, which this may be; refuses data that it would misread.
 * @throws Misconfigured
 */
export function openLayout(
  store: Store,
  wanted: { dataDir: string; partitions: number | undefined; pepperIds: string[] },
  onUnknownPepper: () => void,
): Promise<Layout> {
  return store.transaction(() => {
    const text = store.get(keys.layout)
    const found: StoredLayout =
      text === undefined
        ? {
            version: LAYOUT_VERSION,
            partitions: wanted.partitions ?? 1,
            placementKey: newKey(),
            pepperIds: [],
          }
        : JSON.parse(text)
    check(found, wanted)
    const pepperIds = [...new Set([...found.pepperIds, ...wanted.pepperIds.slice(0, 1)])]
    store.put(keys.layout, JSON.stringify({ ...found, pepperIds }))
    if (unknownPeppers(pepperIds, wanted.pepperIds) > 0) onUnknownPepper()
    return { partitions: found.partitions, placementKey: found.placementKey }
  })
}

const newKey = () => randomBytes(32).toString('base64url')

function check(
  found: StoredLayout,
  { dataDir, partitions, pepperIds }: Parameters<typeof openLayout>[1],
): void {
  if (found.version !== LAYOUT_VERSION)
    throw new Misconfigured(
      `the data in ${dataDir} has layout ${found.version}, this Keypost reads ${LAYOUT_VERSION}`,
    )
  if (partitions !== undefined && partitions !== found.partitions)
    throw new Misconfigured(
      `PARTITIONS is ${partitions}, but the data in ${dataDir} has ${found.partitions}, fixed at its first start`,
    )
  if (found.pepperIds.length > 0 && !pepperIds.some((id) => found.pepperIds.includes(id)))
    throw new Misconfigured(`the data in ${dataDir} was written under another KEY_PEPPER`)
}
