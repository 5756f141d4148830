import t from 'tap'
import { build } from '../helper.js'

t.test('a harmless request id is kept; another is replaced, and never logged', async (t) => {
  const lines: string[] = []
  const app = await build(t, {}, { write: (line) => lines.push(line) })
  const send = async (id: string) =>
    (await app.inject({ url: '/livez', headers: { 'x-request-id': id } })).headers['x-request-id']
  const uuid = '0192F0C1-2a3b-4c4d-8e5f-0a1b2c3d4e5f'
  for (const id of [uuid, uuid.replaceAll('-', '')]) {
    t.equal(await send(id), id)
    t.match(lines.join(''), `"requestId":"${id}"`)
  }
  for (const id of ['has space', `${uuid}0`, uuid.replace('-', ''), 'sk_live_in_the_wrong_place', ''])
    t.match(await send(id), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}$/, id)
  t.notMatch(lines.join(''), 'has space')
  t.notMatch(lines.join(''), 'sk_live')
})
