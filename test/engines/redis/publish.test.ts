import { Redis } from 'ioredis'
import t from 'tap'
import { redisInstalled, redisServer, redisUrl } from '../../redis-server.js'
import { creation, open, processed, take, until } from './fixtures.js'

if (redisInstalled(t)) {
  const server = await redisServer(t)
  const engine = await open(t, server.url, { partitions: 1 })
  const { token } = await take(engine)
  const plain = new Redis(redisUrl(server.port, 'listener'))
  t.teardown(() => plain.disconnect())
  const heard: { channel: string; event: unknown }[] = []
  plain.on('message', (channel, message) => heard.push({ channel, event: JSON.parse(message) }))
  await plain.subscribe('profile_events', 'processing_results')

  t.test('each event is published once on the channel named as its topic', async (t) => {
    const { change, eventId } = creation('profile_events', 0, { name: 'Zoë "\\\u2028 \u0000 \u{1f511}' })
    await engine.commit(change)
    await engine.commit(change)
    const { fresh } = await engine.claim(0, null, 10)
    const settlements = fresh.map(processed)
    await engine.settle(0, token, settlements)
    await engine.settle(0, token, settlements)

    const announcements = await engine.list('events', { limit: 10, topic: 'processing_results' })
    await until(() => heard.length >= 2)
    await engine.commit(creation('profile_events').change) // a third: none came between
    await until(() => heard.length >= 3)
    t.equal(heard.length, 3)
    t.strictSame(heard.slice(0, 2), [
      { channel: 'profile_events', event: await engine.get('events', eventId) },
      { channel: 'processing_results', event: announcements.items[0] },
    ])
    t.match(heard[1], { event: { data: await engine.get('results', eventId) } })
  })
}
