import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { build, call, folder, settled } from '../helper.js'

const json = { 'content-type': 'application/json' }

t.test('a submitted key is in no answer, no log line and no file', async (t) => {
  const DATA_DIR = await folder(t)
  const lines: string[] = []
  const app = await build(t, { DATA_DIR }, { write: (line) => lines.push(line) })
  const marker = 'MARKER0123456789abcdefghijMARKER'
  const answers: string[] = []
  const keep = (answer: object) => answers.push(JSON.stringify(answer))

  const submitted = await call(app, 'POST', '/keys', { key: marker, name: 'n' })
  keep(submitted)
  keep(await settled(app, submitted.headers['keypost-event-id']))
  keep(
    await call(app, 'POST', '/keys', { key: marker, name: `my ${marker}`, metadata: { [marker]: marker } }),
  )
  keep(await call(app, 'PATCH', `/keys/${submitted.body.id}`, { name: marker }))
  keep(await call(app, 'POST', '/keys', { key: { marker }, name: 1, [marker]: marker }))
  for (const url of [
    `/${marker}`,
    `/keys/${marker}`,
    `/keys/%zz${marker}`,
    `/keys?${marker}=1`,
    `/keys?status=${marker}`,
  ]) {
    keep(await call(app, 'GET', url))
  }
  for (const payload of [`{"key": "${marker}`, `${marker}`]) {
    const { body, headers } = await app.inject({ method: 'POST', url: '/keys', headers: json, payload })
    keep({ body, headers })
  }
  for (const url of ['/keys', '/events', '/results', '/topics', '/stats', '/readyz'])
    keep(await call(app, 'GET', url))
  await app.close()

  t.ok(lines.length > answers.length, 'the log was captured')
  t.notMatch(answers.join('\n'), marker)
  t.notMatch(lines.join('\n'), marker)
  const files = await readdir(DATA_DIR, { recursive: true, withFileTypes: true })
  const contents = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name))),
  )
  t.ok(
    contents.some((bytes) => bytes.includes(submitted.body.id)),
    'the data was looked at',
  )
  t.notOk(contents.some((bytes) => bytes.includes(marker)))
})
