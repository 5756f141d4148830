// A program that publishes and reads events beside the service, on the same Redis:
//   REDIS_URL=redis://127.0.0.1:6379 KEY_PEPPER=… node client.mjs
import { connect } from 'keypost'

const bus = await connect({ redisUrl: process.env.REDIS_URL, pepper: process.env.KEY_PEPPER })

// Live: what is published from now on.
const orders = bus.listen('orders')
await orders.ready
await bus.publish('orders', { type: 'order.placed', subject: 'orders/1', data: { total: 42 } })
for await (const event of orders) {
  console.log(`live: ${event.type} of ${event.subject}, ${event.data.total} in total`)
  break
}

// Keys and profiles, as over HTTP.
const { record: profile } = await bus.publishProfileCreated({
  name: 'Ada',
  email: `ada+${Date.now()}@example.com`,
})
const { record: key } = await bus.publishKeySubmitted(`sk_example_${Date.now()}_wxyz`, 'Token Name', {
  profileId: profile.id,
})
console.log(`submitted: ${key.name}, ${key.masked}, ${key.status}`)

// Durable: this name goes on where it stopped, also in another process or after a crash.
await new Promise((resolve) => {
  bus.subscribe('key_submission', { name: 'example' }, (event) => {
    console.log(`durable: ${event.type} of ${event.data.name}`)
    if (event.data.id === key.id) resolve()
  })
})

const { topics } = await bus.stats()
console.log(`published: ${topics.orders.published} on orders`)
await bus.close()
