import type { Config } from '../config.js'
import { pepperId } from '../domain/secrets.js'
import { UNKNOWN_PEPPER, unknownPeppers } from '../engines/peppers.js'
import { type Check, failed, ok, warning } from './check.js'

/** What was fixed at the first boot, as it is stored. */
export interface StoredLayout {
  version: number
  partitions: number
  pepperIds: string[]
}

/** Whether a process with this configuration could work with the data. */
export function checkLayout(
  { version, partitions, pepperIds }: StoredLayout,
  { PARTITIONS: wanted, peppers }: Pick<Config, 'PARTITIONS' | 'peppers'>,
  known: number,
): Check[] {
  const unknown = version !== known
  const refused = wanted !== undefined && wanted !== partitions
  const strange = !peppers.some((pepper) => pepperIds.includes(pepperId(pepper)))
  const unknownPepper = unknownPeppers(pepperIds, peppers.map(pepperId)) > 0
  return [
    unknown
      ? failed(
          'layout',
          `version ${version}, this Keypost reads ${known}`,
          'run the version that wrote the data',
        )
      : ok('layout', `version ${version}`),
    refused
      ? failed(
          'partitions',
          `${partitions}, but PARTITIONS is ${wanted}`,
          `it was fixed at the first boot: set PARTITIONS to ${partitions}, or leave it out`,
        )
      : ok('partitions', String(partitions)),
    strange
      ? failed(
          'pepper',
          'none of KEY_PEPPER is one that the data was written under',
          'add the old pepper to the list, or duplicates are not recognised any more',
        )
      : unknownPepper
        ? warning('pepper', UNKNOWN_PEPPER, 'add the old pepper to the list as long as these keys matter')
        : ok('pepper', 'the data was written under these and no other'),
  ]
}
