import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { addressOf, run } from './process.js'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

t.test("the README's round trip works word for word", async (t) => {
  const keypost = await run(t, [])
  const url = await addressOf(keypost)
  const [, lines = ''] = /<!-- round trip[^>]*-->\n```sh\n([\s\S]*?)```/.exec(readme) ?? []
  t.match(lines, 'curl', 'the README has a round trip')
  const script = lines.replaceAll('http://127.0.0.1:3000', url)
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script])
  t.match(stdout, '"outcome":{"code":"accepted"}', 'the result of the key')
  t.match(stdout, '"email":"ada@example.com"', 'the profile')
  t.match(stdout, '{"items":[{', 'the list of results')
  t.notMatch(stdout, 'not-a-real-key', 'never the key')
})
