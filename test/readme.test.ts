import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { addressOf, run } from './process.js'
import { redisInstalled, redisServer } from './redis-server.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(`${root}README.md`, 'utf8')
const execute = promisify(execFile)

/** The block of code behind a comment that says that it is run here. */
const block = (name: string) => {
  const [, lines] =
    new RegExp(`<!-- ${name}: run word for word[^>]*-->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(readme) ?? []
  if (lines === undefined) throw new Error(`the README has no block "${name}"`)
  return lines
}

const shell = (script: string, url: string) =>
  execute('bash', ['-euo', 'pipefail', '-c', script.replaceAll('http://127.0.0.1:3000', url)])

t.test("the README's round trip works word for word", async (t) => {
  const url = await addressOf(await run(t, []))
  const { stdout } = await shell(block('round trip'), url)
  t.match(stdout, '"outcome":{"code":"accepted"}', 'the result of the key')
  t.match(stdout, '"email":"ada@example.com"', 'the profile')
  t.match(stdout, '{"items":[{', 'the list of results')
  t.notMatch(stdout, 'not-a-real-key', 'never the key')
})

t.test('so does its event on a topic of its own', async (t) => {
  const url = await addressOf(await run(t, [], { HANDLERS: `${root}examples/handlers` }))
  const { stdout } = await shell(block('handlers'), url)
  t.match(stdout, '"outcome":{"code":"processed","value":{"total":9}}')
})

if (redisInstalled(t)) {
  t.test('so does its program', async (t) => {
    const server = await redisServer(t)
    const program = block('program').replace('redis://127.0.0.1:6379', server.url)
    const script = program.replace(
      'console.log(event.type, event.data.masked)',
      '$&; setImmediate(() => bus.close())',
    )
    const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
      env: { ...process.env, KEY_PEPPER: 'p'.repeat(32) },
    })
    t.equal(stdout, 'key.submitted ****3210\n')
  })
}

t.test('every file that the documents link to is there', async (t) => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    ...readdirSync(`${root}docs`).map((name) => `docs/${name}`),
  ]
  for (const document of documents) {
    const text = readFileSync(root + document, 'utf8')
    for (const [, path = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g))
      t.ok(existsSync(resolve(root, dirname(document), path)), `${document}: ${path}`)
  }
})
