import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openEmbedded } from '../../../src/engines/embedded/index.js'
import type { Engine } from '../../../src/engines/engine.js'
import type { Open } from '../contract.js'

/** A folder of the test's own that does not exist yet. */
export function folder(t: Test): string {
  const parent = mkdtempSync(join(tmpdir(), 'keypost-'))
  t.teardown(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'data')
}

export interface Options {
  partitions?: number | undefined
  pepperIds?: string[]
  onFatal?: (error: Error) => void
}

/** An engine on a folder, closed when the test ends. */
export async function openOn(t: Test, dataDir: string, options: Options = {}): Promise<Engine> {
  const engine = await openEmbedded({
    dataDir,
    partitions: options.partitions,
    pepperIds: options.pepperIds ?? ['a'],
    onFatal: options.onFatal ?? ((error) => t.fail(error.message)),
  })
  t.teardown(() => engine.close())
  return engine
}

export async function place(t: Test): Promise<Open> {
  const dataDir = folder(t)
  return (options) => openOn(t, dataDir, options)
}
