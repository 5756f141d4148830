import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** One atomic step: its text, and the SHA-1 by which Redis knows it. */
export interface Script {
  lua: string
  sha: string
}

const INCLUDE = /^--@include (\w+)\n/gm

const read = (file: string) => readFileSync(new URL(`lua/${file}.lua`, import.meta.url), 'utf8')

/** Puts each included file where it is first asked for. */
function expanded(text: string, seen: Set<string>): string {
  return text.replace(INCLUDE, (_, name: string) => {
    if (seen.has(name)) return ''
    seen.add(name)
    return expanded(read(`include/${name}`), seen)
  })
}

/** A script of the folder lua/, with what it includes. */
export const script = (name: string): Script => scriptOf(read(name))

/** A script given as text, which may include files of lua/include/. */
export function scriptOf(text: string): Script {
  const lua = expanded(text, new Set())
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}
