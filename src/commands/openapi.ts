import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../app.js'
import { asyncapi } from '../asyncapi.js'
import { loadConfig } from '../config.js'
import { toYaml } from '../openapi.js'

/** `keypost openapi`: writes the documents, or with `--check` says how the committed ones differ from them. */
export async function openapi({ check }: { check: boolean }): Promise<void> {
  for (const [file, generated] of Object.entries(await generate())) {
    if (!check) await writeFile(file, generated)
    else await compare(file, generated)
  }
}

async function compare(file: string, generated: string): Promise<void> {
  const committed = await readFile(file, 'utf8').catch(() => '')
  if (committed === generated) return
  console.error(`${file} is not what the schemas say:\n${difference(committed, generated)}`)
  console.error('Run `npm run openapi` to mend it.')
  process.exitCode = 1
}

/** What the schemas say, by file, from an app that listens nowhere and keeps nothing. */
export async function generate(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'keypost-'))
  const config = loadConfig({ DATA_DIR: folder, SUBSCRIBER: 'off', LOG_LEVEL: 'silent' })
  const app = await buildApp(config, {
    onFatal: (error) => {
      throw error
    },
  })
  try {
    await app.ready()
    return {
      'openapi/openapi.yaml': toYaml(app.swagger()),
      'openapi/asyncapi.yaml': toYaml(asyncapi),
    }
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
