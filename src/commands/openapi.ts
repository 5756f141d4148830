import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../app.js'
import { loadConfig } from '../config.js'
import { toYaml } from '../openapi.js'

const FILE = 'openapi/openapi.yaml'

/** `keypost openapi`: writes the document, or with `--check` says how the committed one differs from it. */
export async function openapi({ check }: { check: boolean }): Promise<void> {
  const generated = await generate()
  if (!check) return writeFile(FILE, generated)
  const committed = await readFile(FILE, 'utf8').catch(() => '')
  if (committed === generated) return
  console.error(`${FILE} is not what the schemas say:\n${difference(committed, generated)}`)
  console.error('Run `npm run openapi` to mend it.')
  process.exitCode = 1
}

/** What the schemas say, from an app that listens nowhere and keeps nothing. */
export async function generate(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keypost-'))
  const config = loadConfig({ DATA_DIR: folder, SUBSCRIBER: 'off', LOG_LEVEL: 'silent' })
  const app = await buildApp(config, {
    onFatal: (error) => {
      throw error
    },
  })
  try {
    await app.ready()
    return toYaml(app.swagger())
  } finally {
    await app.close()
    await rm(folder, { recursive: true })
  }
}

/** The lines that only one of two texts has, in the order of the texts. */
export function difference(before: string, after: string): string {
  const [olds, news] = [before.split('\n'), after.split('\n')]
  let start = 0
  while (start < olds.length && olds[start] === news[start]) start++
  let end = 0
  while (end < Math.min(olds.length, news.length) - start && olds.at(-1 - end) === news.at(-1 - end)) end++
  return [
    `@@ line ${start + 1} @@`,
    ...olds.slice(start, olds.length - end).map((line) => `- ${line}`),
    ...news.slice(start, news.length - end).map((line) => `+ ${line}`),
  ].join('\n')
}
