import t from 'tap'
import { build } from '../helper.js'

t.test('a harmless request id is kept; another is replaced, and never logged', async (t) => {
  const lines: string[] = []
  const app = await build(t, {}, { write: (line) => lines.push(line) })
  const send = async (id: string) =>
    (await app.inject({ url: '/livez', headers: { 'x-request-id': id } })).headers['x-request-id']
  t.equal(await send('job-42_a.b'), 'job-42_a.b')
  for (const id of ['has space', 'x'.repeat(129), '"quoted"', ''])
    t.match(await send(id), /^[0-9a-f-]{36}$/, id)
  t.match(lines.join(''), '"requestId":"job-42_a.b"')
  t.notMatch(lines.join(''), 'has space')
})
