import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** One place of a build that is made wrong: a file of it, what stands there, and what shall. */
export interface Edit {
  file: string
  from: string
  to: string
}

/** A copy of a build with these edits; gone after the test. Throws when one of them does not fit any more. */
export function mutated(t: Test, dist: string, edits: Edit[]): string {
  const home = mkdtempSync(join(tmpdir(), 'kp-bug-'))
  t.teardown(() => rmSync(home, { recursive: true, force: true }))
  const copy = join(home, 'dist')
  cpSync(dist, copy, { recursive: true })
  // What the compiled code finds beside its folder.
  for (const name of ['package.json', 'node_modules', 'openapi'])
    symlinkSync(join(dist, '..', name), join(home, name))
  for (const { file, from, to } of edits) {
    const path = join(copy, file)
    const text = readFileSync(path, 'utf8')
    if (text.split(from).length !== 2) throw new Error(`${file} does not hold this once: ${from}`)
    writeFileSync(
      path,
      text.replace(from, () => to),
    )
  }
  return copy
}
