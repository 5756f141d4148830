import { fileURLToPath } from 'node:url'
import t from 'tap'
import { until } from './helper.js'
import { addressOf, run } from './process.js'
import { redisInstalled, redisServer } from './redis-server.js'

const HANDLERS = fileURLToPath(new URL('../examples/handlers', import.meta.url))

t.test(
  'examples/handlers: plain HTTP, a service with a folder of handlers, and what becomes of it',
  async (t) => {
    const service = await run(t, ['serve'], { HANDLERS })
    const url = await addressOf(service)

    const post = async (topic: string, event: object) => {
      const response = await fetch(`${url}/topics/${topic}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(event),
      })
      return { status: response.status, body: (await response.json()) as { id: string } }
    }
    const listed = async <T>(path: string) =>
      ((await (await fetch(`${url}${path}`)).json()) as { items: T[] }).items
    const resultOf = ({ body }: { body: { id: string } }) =>
      until(async () => {
        const response = await fetch(`${url}/results/${body.id}`)
        return response.ok && response.json()
      })

    await t.test('data that fits is handled', async (t) => {
      const items = [
        { sku: 'tea', quantity: 2, price: 4.5 },
        { sku: 'cup', quantity: 1, price: 9 },
      ]
      const posted = await post('orders', { type: 'order.placed', data: { customer: 'ada', items } })
      t.equal(posted.status, 202)
      t.match(await resultOf(posted), {
        status: 'processed',
        handler: 'orders/order.placed',
        attempts: 1,
        outcome: { code: 'processed', value: { total: 18 } },
      })
      t.match(service.out(), new RegExp(`"total":18,"eventId":"${posted.body.id}".*"an order was placed"`))
    })

    await t.test('data that does not fit is not even published', async (t) => {
      t.match(await post('orders', { type: 'order.placed', data: { customer: '', items: 'two' } }), {
        status: 422,
        body: {
          code: 'schema_mismatch',
          errors: [
            { in: 'body', pointer: '/data/customer' },
            { in: 'body', pointer: '/data/items' },
          ],
        },
      })
      const counted = await listed<{ topic: string }>('/topics')
      t.match(
        counted.filter(({ topic }) => topic === 'orders'),
        [{ published: 1, processed: 1 }],
      )
    })

    await t.test('what fails is tried again', async (t) => {
      const posted = await post('parcels', { type: 'parcel.shipped', subject: 'parcels/1', data: {} })
      t.match(await resultOf(posted), {
        status: 'processed',
        attempts: 3,
        outcome: { code: 'announced', carrier: 'by-post' },
      })
      const timeline = await listed<{ what: string }>(`/events/${posted.body.id}/timeline`)
      const failures = timeline.filter(({ what }) => what === 'failed')
      t.match(failures, [{ error: { code: 'carrier_unavailable' } }, { attempt: 2 }])
    })

    await t.test('what nobody handles is recorded', async (t) => {
      const posted = await post('orders', { type: 'order.cancelled', data: null })
      t.match(await resultOf(posted), {
        status: 'processed',
        handler: 'record',
        outcome: { code: 'recorded' },
      })
    })
  },
)

t.test('a processor of its own loads them as well', async (t) => {
  if (!redisInstalled(t)) return
  const { url: REDIS_URL } = await redisServer(t)
  const shared = { REDIS_URL, KEY_PEPPER: 'p'.repeat(32), LEASE_MS: '2000' }
  const serving = await run(t, ['serve'], { ...shared, SUBSCRIBER: 'off' })
  const url = await addressOf(serving)
  await run(t, ['process'], { ...shared, HANDLERS })
  const response = await fetch(`${url}/topics/parcels/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'parcel.shipped', data: {} }),
  })
  const { id } = (await response.json()) as { id: string }
  const result = await until(async () => {
    const response = await fetch(`${url}/results/${id}`)
    return response.ok && ((await response.json()) as object)
  })
  t.match(result, { handler: 'parcels/parcel.shipped', attempts: 3, outcome: { code: 'announced' } })
})
