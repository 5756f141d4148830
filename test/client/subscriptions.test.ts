import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Bus, connect } from '../../src/client/index.js'
import { proxy } from '../proxy.js'
import { redisInstalled, redisServer, redisUrl } from '../redis-server.js'
import { until } from '../until.js'
import { onFolder, onRedis, PEPPER, things } from './fixtures.js'

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

function suite(t: Test, open: (t: Test) => Promise<Bus>) {
  t.test('a subscription gets all there is, in order, and goes on where it stopped', async (t) => {
    const bus = await open(t)
    await things(bus, ...numbers(1, 120))
    const seen: unknown[] = []
    const first = bus.subscribe('things', { name: 'a' }, ({ data }) => {
      seen.push(data)
      if (seen.length === 60) first.stop()
    })
    await until(() => seen.length >= 60)
    await first.stop()
    await things(bus, 121, 122)
    bus.subscribe('things', { name: 'a' }, ({ data }) => seen.push(data))
    await until(() => seen.length >= 122)
    await things(bus, 123)
    await until(() => seen.length >= 123)
    t.strictSame(seen, numbers(1, 123))

    const others: unknown[] = []
    bus.subscribe('things', { name: 'b' }, ({ data }) => others.push(data))
    await until(() => others.length === 123)
  })

  t.test('an event whose handler throws is tried again before the next', async (t) => {
    const bus = await open(t)
    await things(bus, 1, 2, 3)
    const seen: unknown[] = []
    bus.subscribe('things', { name: 'a' }, ({ data }) => {
      seen.push(data)
      if (data === 2 && seen.length < 4) throw new Error('not now')
    })
    await until(() => seen.length === 5)
    t.strictSame(seen, [1, 2, 2, 2, 3])
  })

  t.test('what failed when it was stopped comes first when it goes on', async (t) => {
    const bus = await open(t)
    await things(bus, 1, 2, 3)
    let tries = 0
    const failing = bus.subscribe('things', { name: 'a' }, ({ data }) => {
      if (data === 2) throw new Error(`not now, either: ${++tries}`)
    })
    await until(() => tries > 0)
    await failing.stop()
    const seen: unknown[] = []
    bus.subscribe('things', { name: 'a' }, ({ data }) => seen.push(data))
    await until(() => seen.length === 2)
    t.strictSame(seen, [2, 3])
  })

  t.test('one instance of a name runs, and the next goes on when it stops', async (t) => {
    const bus = await open(t)
    const seen: string[] = []
    const one = bus.subscribe('things', { name: 'a' }, ({ data }) => seen.push(`one ${data}`))
    await things(bus, 1)
    await until(() => seen.length === 1)
    bus.subscribe('things', { name: 'a' }, ({ data }) => seen.push(`two ${data}`))
    await things(bus, 2, 3)
    await until(() => seen.length === 3)
    await one.stop()
    await things(bus, 4)
    await until(() => seen.length === 4)
    t.strictSame(seen, ['one 1', 'one 2', 'one 3', 'two 4'])
  })

  t.test('the events of Keypost are typed by what they are', async (t) => {
    const bus = await open(t)
    const seen: string[] = []
    bus.subscribe('key_submission', { name: 'keys' }, (event) => {
      if (event.type === 'key.deleted') seen.push(`gone ${event.data.name}`)
      else seen.push(event.data.masked)
    })
    bus.subscribe('profile_events', { name: 'profiles' }, ({ data }) => seen.push(data.email))
    const { record } = await bus.publishKeySubmitted('sk_typed_0123456789', 'typed')
    await bus.publishKeyDeleted(record.id)
    await bus.publishProfileCreated({ name: 'Ada', email: 'ada@example.com' })
    await until(() => seen.length === 3)
    t.strictSame(seen.sort(), ['****6789', 'ada@example.com', 'gone typed'])
  })

  t.test('a listener gets what is published from when it is ready, however slow it is', async (t) => {
    const bus = await open(t)
    await things(bus, 1, 2)
    const events = bus.listen('things')
    await events.ready
    const idle = bus.listen('things')
    await idle.ready
    await things(bus, ...numbers(3, 240))
    const seen: unknown[] = []
    for await (const { data } of events) {
      seen.push(data)
      if (seen.length === 238) break
    }
    t.strictSame(seen, numbers(3, 240))
    t.match(await idle.next(), { value: { data: 3, topic: 'things' } })
    const waiting = bus.listen('nothing').next()
    await bus.close()
    t.strictSame(await waiting, { done: true, value: undefined }, 'it ends with the bus')
  })
}

t.test('embedded', async (t) => suite(t, onFolder))

t.test('redis', async (t) => {
  if (!redisInstalled(t)) return
  suite(t, async (t) => onRedis(t, await redisServer(t)))

  t.test(
    'what an instance that was cut off held is taken over, and it cannot move it any more',
    async (t) => {
      const server = await redisServer(t)
      const way = await proxy(t, server.port)
      const cutOff = await connect({ redisUrl: redisUrl(way.port), pepper: PEPPER })
      t.teardown(() => cutOff.close())
      const other = await onRedis(t, server)
      const seen: string[] = []
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      await things(other, 1, 2, 3)
      cutOff.subscribe('things', { name: 'a', leaseMs: 500 }, async ({ data }) => {
        seen.push(`one ${data}`)
        if (data !== 2) return
        way.freeze()
        await held
      })
      await until(() => seen.includes('one 2'))
      other.subscribe('things', { name: 'a', leaseMs: 500 }, ({ data }) => seen.push(`two ${data}`))
      await until(() => seen.includes('two 3'))
      // Late, it is done with 2, and before it hears that the name is another's, there is 3 in its hands.
      release()
      way.thaw()
      await things(other, 4)
      await until(() => seen.includes('two 4'))
      // It is back.
      await until(() => cutOff.stats().then(Boolean, () => false))
      await cutOff.publish('things', { type: 'thing', data: 5 })
      await until(() => seen.includes('two 5'))
      t.strictSame(seen.slice(0, 2), ['one 1', 'one 2'])
      t.strictSame(seen.slice(-4), ['two 2', 'two 3', 'two 4', 'two 5'])
      t.equal(seen.filter((line) => line.startsWith('one')).length, 2, 'it starts no handler any more')
    },
  )

  t.test('close() waits for a handler, which may publish, and for its position', async (t) => {
    const server = await redisServer(t)
    const bus = await onRedis(t, server)
    await things(bus, 1)
    let closing: Promise<void> | undefined
    const subscription = bus.subscribe('things', { name: 'a' }, async () => {
      subscription.stop()
      closing = bus.close()
      // It would wait for this handler.
      await Promise.race([closing, pause(200)])
      await bus.publish('others', { type: 'other', data: 1 })
    })
    await until(() => closing !== undefined)
    await closing
    const other = await onRedis(t, server)
    await things(other, 2)
    const seen: unknown[] = []
    other.subscribe('things', { name: 'a', leaseMs: 500 }, ({ data }) => seen.push(data))
    await until(() => seen.includes(2))
    t.strictSame(seen, [2])
  })

  t.test('answers that were lost make nobody lose the name', async (t) => {
    const server = await redisServer(t)
    const way = await proxy(t, server.port)
    const bus = await connect({ redisUrl: redisUrl(way.port), pepper: PEPPER })
    t.teardown(() => bus.close())
    const other = await onRedis(t, server)
    const seen: unknown[] = []
    await things(other, 1)
    way.loseReplyTo(/subscription:things:a/)
    bus.subscribe('things', { name: 'a' }, ({ data }) => {
      seen.push(data)
      way.loseReplyTo(/subscription:things:a/)
    })
    for (const n of [2, 3, 4]) {
      await things(other, n)
      await until(() => seen.includes(n))
    }
    t.strictSame(seen, [1, 2, 3, 4])
    t.ok(way.lost > 1)
  })

  t.test('a position that is none of this data makes it begin anew', async (t) => {
    const server = await redisServer(t)
    const bus = await onRedis(t, server)
    await things(bus, 1, 2)
    const seen: unknown[] = []
    const subscribe = () => bus.subscribe('things', { name: 'a' }, ({ data }) => seen.push(data))
    const first = subscribe()
    await until(() => seen.length === 2)
    await first.stop()
    const name = 'subscription:things:a'
    for (const key of await server.client.keys('keypost:*:claims')) {
      const value = await server.client.hget(key, name)
      if (value !== null)
        await server.client.hset(key, name, value.replace(/"cursor":"[^"]*/, '"cursor":"nope'))
    }
    subscribe()
    await until(() => seen.length === 4)
    await things(bus, 3)
    await until(() => seen.length === 5)
    t.strictSame(seen, [1, 2, 1, 2, 3])
  })

  t.test('it goes on by itself after an outage', async (t) => {
    const server = await redisServer(t)
    const bus = await onRedis(t, server)
    const seen: unknown[] = []
    bus.subscribe('things', { name: 'a' }, ({ data }) => seen.push(data))
    const events = bus.listen('things')
    await events.ready
    await things(bus, 1)
    await until(() => seen.length === 1)
    await server.kill()
    await server.start()
    const again = await connect({ redisUrl: server.url, pepper: PEPPER })
    t.teardown(() => again.close())
    await things(again, 2)
    await until(() => seen.includes(2))
    t.match(await events.next(), { value: { data: 1 } })
    t.match(await events.next(), { value: { data: 2 } })
  })
})
