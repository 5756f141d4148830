import type { Test } from 'tap'
import type { Settlement } from '../../../src/engines/engine.js'
import {
  all,
  claimed,
  done,
  event,
  everything,
  fresh,
  idsOf,
  key,
  next,
  only,
  type Place,
  profile,
  publish,
  publishing,
  reclaim,
  retry,
  take,
  writing,
} from './fixtures.js'

export function settlements(t: Test, place: Place): void {
  t.test('a settlement writes result, record, claim, follow-up, counters and announcement', async (t) => {
    const engine = await fresh(t, place)
    const record = key(1)
    const change = writing(1, 'keys', null, record)
    await engine.commit(change)
    const token = await take(engine, 1)
    const delivery = await only(engine, 1)
    const accepted = next(record, { status: 'accepted' })
    const followUp = event(1, { topic: 'follow-ups' })
    const settlement = done(delivery, {
      change: {
        claims: [{ name: 'n', from: null, to: 'v' }],
        writes: [{ kind: 'keys', before: record, after: accepted }],
        events: [followUp],
      },
    })
    t.strictSame(await engine.settle(1, token, [settlement]), ['settled'])

    const { announcement, body } = resultOf(settlement)
    const result = await engine.get('results', delivery.event.id)
    const { finishedAt = '', latencyMs = -1, ...rest } = result ?? {}
    t.strictSame(rest, body)
    t.equal(new Date(finishedAt).toISOString(), finishedAt)
    t.equal(latencyMs, Date.parse(finishedAt) - Date.parse(body.publishedAt))
    t.ok(latencyMs >= 0)
    const announced = {
      specversion: '1.0',
      id: announcement.id,
      source: announcement.source,
      type: 'event.processed',
      subject: delivery.event.subject,
      topic: 'processing_results',
      data: result,
      time: finishedAt,
    }
    t.same(await engine.get('events', announcement.id), announced)
    t.same(await all(engine, 'events', { topic: 'processing_results' }), [announced])
    t.strictSame(await all(engine, 'results', {}), [result])
    t.strictSame(await engine.get('keys', record.id), accepted)
    t.strictSame(await all(engine, 'keys', { status: 'pending' }), [])
    t.strictSame(await all(engine, 'keys', { status: 'accepted' }), [accepted])
    t.equal(await claimed(engine, 1, 'n'), 'v')
    t.strictSame(idsOf((await reclaim(engine, 1)).fresh), [followUp.id])
    const { topics } = await engine.stats()
    t.match(topics.things, { published: 1, processed: 1, pending: 0, retrying: 0, dead: 0 })
    t.match(topics['follow-ups'], { published: 1, pending: 1 })
    t.match(topics.processing_results, { published: 1, pending: 0 })
  })

  t.test('an event without a subject has an announcement without one', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 1)
    const token = await take(engine)
    const settlement = done(await only(engine))
    await engine.settle(0, token, [settlement])
    const announced = await engine.get('events', resultOf(settlement).announcement.id)
    t.equal(announced !== null && 'subject' in announced, false)
    t.equal((await engine.get('results', settlement.delivery.event.id))?.subject, null)
  })

  t.test('settling twice changes nothing', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 1)
    const token = await take(engine)
    const delivery = await only(engine)
    const settlement = done(delivery, { change: { events: [event(0)] } })
    await engine.settle(0, token, [settlement])
    const before = await everything(engine)
    t.strictSame(await engine.settle(0, token, [settlement]), ['already'])
    t.strictSame(await engine.settle(0, token, [done(delivery, { status: 'dead' })]), ['already'])
    t.strictSame(await engine.settle(0, token, [retry(delivery, 0)]), ['already'])
    t.strictSame(await everything(engine), before)
  })

  t.test('settling twice in one batch settles once', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 1)
    const token = await take(engine)
    const delivery = await only(engine)
    t.strictSame(await engine.settle(0, token, [done(delivery), done(delivery)]), ['settled', 'already'])
    t.match((await engine.stats()).topics.things, { published: 1, processed: 1, pending: 0 })
  })

  t.test('what somebody else has settled stays as it is', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 1)
    await take(engine)
    const mine = await only(engine)
    const others = await take(engine)
    await engine.settle(0, others, [done(mine, { status: 'dead' })])
    const before = await everything(engine)
    const token = await take(engine)
    t.strictSame(await engine.settle(0, token, [done(mine)]), ['already'])
    t.strictSame(await everything(engine), before)
    t.equal((await engine.get('results', mine.event.id))?.status, 'dead')
  })

  t.test('an outdated lease token settles nothing', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0)
    await engine.commit(writing(0, 'profiles', null, record))
    const outdated = await take(engine)
    const delivery = await only(engine)
    await take(engine)
    const before = await everything(engine)
    const change = { writes: [{ kind: 'profiles' as const, before: record, after: next(record) }] }
    for (const settlement of [done(delivery, { change }), retry(delivery, 0)])
      await t.rejects(engine.settle(0, outdated, [settlement]), { name: 'LeaseLost', partition: 0 })
    t.strictSame(await everything(engine), before)
  })

  t.test('a lease that was given back, or is of another partition, settles nothing', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 1)
    const delivery = await only(engine)
    const token = await take(engine)
    const elsewhere = await take(engine, 1)
    await t.rejects(engine.settle(0, elsewhere, [done(delivery)]), { name: 'LeaseLost' })
    const { leases } = await engine.lease(null, [])
    await engine.lease(null, [{ partition: 0, from: leases[0] ?? null, to: null }])
    await t.rejects(engine.settle(0, token, [done(delivery)]), { name: 'LeaseLost' })
    t.strictSame((await reclaim(engine)).fresh, [delivery])
  })

  t.test('a conflict leaves nothing of its own and does not concern the rest of the batch', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0)
    await engine.commit({
      ...writing(0, 'profiles', null, record),
      claims: [{ name: 'n', from: null, to: 'v' }],
    })
    await publish(engine, 3)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    const stale = { ...record, version: 9 }
    const changes = [
      undefined,
      {
        writes: [{ kind: 'profiles' as const, before: stale, after: next(stale) }],
        events: [event(0, { topic: 'never' })],
      },
      { claims: [{ name: 'n', from: null, to: 'w' }], events: [event(0, { topic: 'never' })] },
      undefined,
    ]
    const batch = deliveries.map((delivery, i) => done(delivery, { change: changes[i] }))
    t.strictSame(await engine.settle(0, token, batch), ['settled', 'conflict', 'conflict', 'settled'])
    t.strictSame((await reclaim(engine)).fresh, deliveries.slice(1, 3), 'they come back unchanged')
    t.strictSame(await engine.get('profiles', record.id), record)
    t.equal(await claimed(engine, 0, 'n'), 'v')
    t.equal((await all(engine, 'results', {})).length, 2)
    const { topics } = await engine.stats()
    t.equal(topics.never, undefined)
    t.match(topics.things, { published: 4, processed: 2, pending: 2 })
  })

  t.test('of two settlements of a batch that change one record, the second conflicts', async (t) => {
    const engine = await fresh(t, place)
    const record = profile(0)
    await engine.commit(writing(0, 'profiles', null, record))
    await publish(engine, 1)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    const change = { writes: [{ kind: 'profiles' as const, before: record, after: next(record) }] }
    const batch = deliveries.map((delivery) => done(delivery, { change }))
    t.strictSame(await engine.settle(0, token, batch), ['settled', 'conflict'])
  })

  t.test('one batch can hold every way to end', async (t) => {
    const engine = await fresh(t, place)
    await publish(engine, 3)
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    const [a, b, c] = deliveries
    if (a === undefined || b === undefined || c === undefined) throw new Error('three were published')
    await engine.settle(0, token, [done(a), retry(b, 60_000), done(c, { status: 'dead' })])
    t.match((await engine.stats()).topics.things, {
      published: 3,
      processed: 1,
      retrying: 1,
      dead: 1,
      pending: 0,
    })
    t.equal((await engine.stats()).oldestUnfinishedAt, b.event.time)
    t.strictSame((await reclaim(engine)).fresh, [])
  })

  t.test('an event of another topic counts for its own', async (t) => {
    const engine = await fresh(t, place)
    await engine.commit(publishing(0, event(0, { topic: 'a' }), event(0, { topic: 'b' })))
    const token = await take(engine)
    const { fresh: deliveries } = await reclaim(engine)
    await engine.settle(
      0,
      token,
      deliveries.slice(0, 1).map((delivery) => done(delivery)),
    )
    const { topics } = await engine.stats()
    t.match(topics.a, { published: 1, processed: 1, pending: 0 })
    t.match(topics.b, { published: 1, processed: 0, pending: 1 })
  })
}

function resultOf(settlement: Settlement) {
  if (settlement.how !== 'done') throw new Error('it has no result')
  return settlement.result
}
