import type { Test } from 'tap'
import type { Engine } from '../../../src/engines/engine.js'
import { until } from '../../until.js'
import {
  all,
  done,
  event,
  everything,
  key,
  next,
  only,
  type Place,
  publish,
  publishing,
  reclaim,
  take,
  writing,
} from './fixtures.js'

/** Two processes on the same data, for the engines that can have them. */
export async function shared(t: Test, place: Place): Promise<void> {
  const probe = await (await place(t))({ partitions: 1 })
  if (!probe.features.shared) return

  const test = (name: string, run: (t: Test, one: Engine, other: Engine) => Promise<void>) =>
    t.test(name, async (t) => {
      const open = await place(t)
      await run(t, await open({ partitions: 3 }), await open())
    })

  test('both see the same', async (t, one, other) => {
    t.strictSame(other.layout, one.layout)
    const record = key(0)
    await one.commit(writing(0, 'keys', null, record))
    t.strictSame(await other.get('keys', record.id), record)
    t.strictSame(await everything(other), await everything(one))
  })

  test('one hears of what the other commits', async (t, one, other) => {
    const woken: number[] = []
    other.watch((partition) => woken.push(partition))
    const wakes = () => woken.filter((partition) => partition === 1).length
    await until(async () => {
      await publish(one, 1, 1)
      return wakes() > 0
    })
    const before = wakes()
    await publish(one, 1, 1)
    await until(() => wakes() > before)
    t.pass()
  })

  test('an operation sent through both is carried out once', async (t, one, other) => {
    const change = publishing(0, event(0))
    const answers = await Promise.all([one.commit(change), other.commit(change)])
    t.strictSame(answers.map(({ replayed }) => replayed).sort(), [false, true])
    t.equal((await all(one, 'events', {})).length, 1)
  })

  test('of writers in both with one version, exactly one wins', async (t, one, other) => {
    const record = key(0)
    await one.commit(writing(0, 'keys', null, record))
    const outcomes = await Promise.allSettled(
      [one, other, one, other].map((engine) => engine.commit(writing(0, 'keys', record, next(record)))),
    )
    t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  test('a lease that one takes from the other ends what the other settles', async (t, one, other) => {
    await publish(one, 2)
    const outdated = await take(one)
    const { fresh: deliveries } = await reclaim(one)
    const token = await take(other)
    const [first, second] = deliveries.map((delivery) => done(delivery))
    if (first === undefined || second === undefined) throw new Error('two were published')
    t.strictSame(await other.settle(0, token, [first]), ['settled'])
    const before = await everything(one)
    await t.rejects(one.settle(0, outdated, [first, second]), { name: 'LeaseLost' })
    t.strictSame(await everything(one), before)
    t.strictSame(await only(one), second.delivery)
  })
}
