import fc from 'fast-check'
import t from 'tap'
import { retryDelay } from '../../src/bus/retry.js'
import { Unavailable } from '../../src/engines/errors.js'
import { next, profile, publish, writing } from '../engines/contract/fixtures.js'
import { until } from '../until.js'
import { gate, onEachEngine, recorded, resultOf, subscribe, Tally, things } from './fixtures.js'

const subject = 'things/a'

onEachEngine(
  t,
  'an event that keeps failing is tried MAX_ATTEMPTS times, is dead, and holds up nobody',
  async (t, engine) => {
    const [poison = '', ...others] = await publish(engine, 10, 0, { subject })
    const attempts: number[] = []
    const counted: unknown[] = []
    subscribe(t, engine, [
      things(async ({ id }, { attempt }) => {
        if (id !== poison) return recorded
        attempts.push(attempt)
        // The later ones of its subject go on, while it waits for its next try.
        for (const other of attempt === 1 ? [] : others) await resultOf(engine, other)
        if (attempt > 1) counted.push((await engine.stats()).topics.things)
        throw Object.assign(new Error(`failure ${attempt}`), { code: 'broken' })
      }),
    ])
    const result = await resultOf(engine, poison)
    t.match(result, {
      status: 'dead',
      attempts: 3,
      outcome: null,
      error: { code: 'broken', message: 'failure 3' },
    })
    t.strictSame(attempts, [1, 2, 3])
    const between = { published: 10, processed: 9, dead: 0, pending: 0, retrying: 1, discarded: 0 }
    t.strictSame(counted, [between, between])
    t.strictSame((await engine.stats()).topics.things, { ...between, dead: 1, retrying: 0 })
  },
)

onEachEngine(t, 'a failed event waits for its backoff; its failure is kept', async (t, engine) => {
  const [failing = '', other = ''] = await publish(engine, 2, 0, { subject })
  const runs = new Tally()
  const { stop } = subscribe(
    t,
    engine,
    [
      things(({ id }) => {
        runs.add(id)
        if (id === failing) throw new Error('not yet')
        return recorded
      }),
    ],
    { retryBaseMs: 60_000, retryCapMs: 60_000 },
  )
  await resultOf(engine, other)
  await stop()
  const { fresh, due, nextDueInMs } = await engine.claim(0, null, 10)
  // A jitter of nothing is one in many.
  if (due.length === 0) t.ok(nextDueInMs !== null && nextDueInMs <= 60_000, String(nextDueInMs))
  t.strictSame(fresh, [])
  t.equal(runs.of(failing), 1)
  t.match((await engine.stats()).topics.things, { processed: 1, retrying: 1, pending: 0 })
})

onEachEngine(t, 'what a handler throws is kept short, whatever it is', async (t, engine) => {
  const [long = '', text = '', sync = ''] = await publish(engine, 3)
  subscribe(
    t,
    engine,
    [
      things(({ id }) => {
        if (id === long) return Promise.reject(new Error('x'.repeat(10_000)))
        if (id === text) return Promise.reject('just a text')
        throw new Error('before any promise')
      }),
    ],
    { maxAttempts: 1 },
  )
  t.equal((await resultOf(engine, long)).error?.message.length, 500)
  t.strictSame((await resultOf(engine, text)).error, { code: 'handler_failed', message: 'just a text' })
  t.strictSame((await resultOf(engine, sync)).error, {
    code: 'handler_failed',
    message: 'before any promise',
  })
})

onEachEngine(t, 'a handler that takes too long is told, and has failed', async (t, engine) => {
  const [id = ''] = await publish(engine, 1)
  const told: unknown[] = []
  subscribe(
    t,
    engine,
    [
      things(
        (_, { signal }) =>
          new Promise(() => signal.addEventListener('abort', () => told.push(signal.reason))),
      ),
    ],
    { handlerTimeoutMs: 30, maxAttempts: 2 },
  )
  const { status, attempts, error } = await resultOf(engine, id)
  t.strictSame({ status, attempts, code: error?.code }, { status: 'dead', attempts: 2, code: 'timeout' })
  t.equal(told.length, 2)
  t.match(told[0], { message: 'the handler took longer than 30 ms' })
})

onEachEngine(t, 'a failure of the infrastructure is not an attempt', async (t, engine) => {
  const [id = ''] = await publish(engine, 1)
  const attempts: number[] = []
  subscribe(
    t,
    engine,
    [
      things((_, { attempt }) => {
        if (attempts.push(attempt) < 3) throw new Unavailable('not now')
        return recorded
      }),
    ],
    { maxAttempts: 1 },
  )
  t.match(await resultOf(engine, id), { status: 'processed', attempts: 1 })
  t.strictSame(attempts, [1, 1, 1])
  t.match((await engine.stats()).topics.things, { processed: 1, retrying: 0, dead: 0 })
})

onEachEngine(
  t,
  'a record that changed meanwhile makes the handler run again, at no cost',
  async (t, engine) => {
    const record = profile(0)
    const created = writing(0, 'profiles', null, record)
    await engine.commit(created)
    const id = created.events[0].id
    const seen: number[] = []
    subscribe(
      t,
      engine,
      [
        things(async (event, { attempt }) => {
          if (event.id !== id) return recorded
          t.equal(attempt, 1)
          const before = await engine.get('profiles', record.id)
          if (before === null) throw new Error('the profile is gone')
          if (seen.push(before.version) === 1)
            await engine.commit(writing(0, 'profiles', before, next(before, { name: 'by another' })))
          const after = next(before, { metadata: { handled: 'yes' } })
          return { ...recorded, change: { writes: [{ kind: 'profiles', before, after }] } }
        }),
      ],
      { maxAttempts: 1 },
    )
    t.match(await resultOf(engine, id), { status: 'processed', attempts: 1 })
    t.strictSame(seen, [1, 2])
    t.match(await engine.get('profiles', record.id), {
      version: 3,
      name: 'by another',
      metadata: { handled: 'yes' },
    })
  },
)

onEachEngine(t, 'a handler that conflicts for ever has failed in the end', async (t, engine) => {
  const record = profile(0)
  const [id = '', other = ''] = await publish(engine, 2)
  const runs = new Tally()
  subscribe(
    t,
    engine,
    [
      things((event) => {
        runs.add(event.id)
        if (event.id === other) return recorded
        const change = { writes: [{ kind: 'profiles' as const, before: record, after: next(record) }] }
        return { ...recorded, change }
      }),
    ],
    { maxAttempts: 2 },
  )
  t.match(await resultOf(engine, id), { status: 'dead', attempts: 2, error: { code: 'conflict' } })
  t.match(await resultOf(engine, other), { status: 'processed' })
  t.equal(runs.of(id), 40, 'twenty times an attempt')
  t.equal(runs.of(other), 1)
})

t.test('the wait before a retry: at most doubling from the base up to the cap', async (t) => {
  const settings = fc.record({
    retryBaseMs: fc.integer({ min: 1, max: 86_400_000 }),
    retryCapMs: fc.integer({ min: 1, max: 86_400_000 }),
  })
  const failures = fc.integer({ min: 1, max: 100 })
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(failures, settings, random, (failures, settings, random) => {
      const delay = retryDelay(failures, settings, () => random)
      const { retryBaseMs, retryCapMs } = settings
      const most = Math.min(retryCapMs, retryBaseMs * 2 ** (failures - 1))
      return Number.isSafeInteger(delay) && delay >= 0 && delay < most
    }),
  )
  const almost = () => 0.999_999
  const delays = [1, 2, 3, 4, 5].map((n) => retryDelay(n, { retryBaseMs: 100, retryCapMs: 1000 }, almost))
  t.strictSame(delays, [99, 199, 399, 799, 999])
  t.strictSame(
    retryDelay(3, { retryBaseMs: 100, retryCapMs: 1000 }, () => 0),
    0,
    'full jitter',
  )
})

onEachEngine(t, 'many retries of one subject do not hold up those of another', async (t, engine) => {
  const { open, opened } = gate()
  t.teardown(open)
  const many = 300
  await publish(engine, many, 0, { subject })
  subscribe(t, engine, [
    things(async (event, { attempt }) => {
      if (attempt === 1) throw new Error('not yet')
      if (event.subject === subject) await opened
      return recorded
    }),
  ])
  await until(async () => (await engine.stats()).topics.things?.retrying === many)
  const [other = ''] = await publish(engine, 1, 0, { subject: 'things/b' })
  t.match(await resultOf(engine, other), { status: 'processed', attempts: 2 })
})
