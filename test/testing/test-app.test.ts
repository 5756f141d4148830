import { readdir } from 'node:fs/promises'
import t from 'tap'
import { Type } from 'typebox'
import { defineHandler, testApp } from '../../src/testing/index.js'
import { folder } from '../helper.js'

t.test('an app to test with: it settles, and says what was published', async (t) => {
  let failed = 0
  const order = defineHandler({
    topic: 'orders',
    type: 'order.placed',
    schema: Type.Object({ total: Type.Number() }),
    handle: ({ data }) => {
      if (failed++ === 0) throw new Error('not at first')
      return { outcome: { code: 'billed', total: data.total } }
    },
  })
  const kp = await testApp({ handlers: [order], env: { RETRY_BASE_MS: '50' } })
  t.teardown(() => kp.close())
  await kp.settled()
  t.strictSame(await kp.published(), [])

  const post = (url: string, payload: object) => kp.app.inject({ method: 'POST', url, payload })
  t.equal((await post('/keys', { key: 'sk_of_a_test', name: 'n' })).statusCode, 202)
  const placed = await post('/topics/orders/events', { type: 'order.placed', data: { total: 3 } })
  t.equal(placed.statusCode, 202)
  t.equal(
    (await post('/topics/orders/events', { type: 'order.placed', data: { total: 'three' } })).json().code,
    'schema_mismatch',
  )
  await kp.settled()
  t.equal(failed, 2)
  const result = await kp.app.inject({ url: `/results/${placed.json().id}` })
  t.match(result.json(), { status: 'processed', attempts: 2, outcome: { code: 'billed', total: 3 } })
  t.strictSame(
    (await kp.published()).map(({ type }) => type).sort(),
    ['event.processed', 'event.processed', 'key.submitted', 'order.placed'].sort(),
  )
})

t.test('two of them have nothing in common, and nothing is left of either', async (t) => {
  process.env.TMPDIR = await folder(t)
  const [one, other] = await Promise.all([testApp(), testApp({ env: { EVENT_TTL_MS: '1000' } })])
  await one.app.inject({ method: 'POST', url: '/profiles', payload: { name: 'Ada', email: 'a@example.com' } })
  await one.settled()
  t.equal((await one.published()).length, 2)
  t.strictSame(await other.published(), [])
  t.equal((await readdir(process.env.TMPDIR)).length, 2)
  await Promise.all([one.close(), other.close()])
  t.strictSame(await readdir(process.env.TMPDIR), [])
})
