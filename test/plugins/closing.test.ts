import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { within } from '../../src/within.js'
import { build } from '../helper.js'

t.test('a connection on which nothing was ever said does not hold up a stop', async (t) => {
  const app = await build(t)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const accepted = once(app.server, 'connection')
  const silent = connect(Number(new URL(origin).port), '127.0.0.1')
  t.teardown(() => silent.destroy())
  await accepted
  t.equal(
    await within(
      20_000,
      app.close().then(() => 'closed'),
      'held up',
    ),
    'closed',
  )
})
