import type { Test } from 'tap'
import {
  done,
  ended,
  fresh,
  key,
  only,
  type Place,
  publish,
  reopen,
  retry,
  settleAll,
  settled,
  take,
  writing,
} from './fixtures.js'

export function traces(t: Test, place: Place): void {
  t.test('a trace follows an event from its publication to its result', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await publish(engine, 1, 0, { subject: 's' })
    const token = await take(engine)
    const first = await only(engine)
    t.strictSame(await engine.get('traces', id), { ...first, ended: null })

    const failed = retry(first, 0)
    await engine.settle(0, token, [failed])
    const second = await only(engine)
    t.strictSame(await engine.get('traces', id), { ...second, ended: null })
    t.strictSame([second.history, second.revision], [[failed.entry], 1])

    const settlement = done(second)
    await engine.settle(0, token, [settlement])
    if (settlement.how !== 'done') throw new Error('it has a result')
    t.strictSame(await engine.get('traces', id), {
      ...second,
      ended: {
        result: await engine.get('results', id),
        announcement: settlement.result.announcement.id,
        delivered: settlement.result.delivered,
        discarded: false,
      },
    })
  })

  t.test('a dead event is traced with its last failure', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await publish(engine, 1)
    const token = await take(engine)
    const settlement = done(await only(engine), { status: 'dead' })
    await engine.settle(0, token, [settlement])
    const { history, revision, ended: end } = await ended(engine, id)
    t.strictSame([history, revision, end.result.status], [[settlement.entry], 1, 'dead'])
  })

  t.test('who delivered an event is shown in its trace alone', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await settled(engine, 1)
    const { announcement, delivered } = (await ended(engine, id)).ended
    t.equal(delivered.processor, 'p1')
    const { items } = await engine.list('results', { limit: 1 })
    for (const shown of [items[0], await engine.get('results', id)]) t.notOk(shown && 'delivered' in shown)
    const announced = await engine.get('events', announcement)
    t.same(Object.keys(announced ?? {}).sort(), [
      'data',
      'id',
      'source',
      'specversion',
      'time',
      'topic',
      'type',
    ])
  })

  t.test('what has no results has no trace', async (t) => {
    const engine = await fresh(t, place)
    const record = key(0)
    await engine.commit(writing(0, 'keys', null, record))
    const [id = ''] = await settled(engine, 1)
    const { announcement } = (await ended(engine, id)).ended
    for (const other of [announcement, record.id, key(0).id]) t.equal(await engine.get('traces', other), null)
  })

  t.test('a trace tells all that happened, over every result', async (t) => {
    const engine = await fresh(t, place)
    const [id = ''] = await settled(engine, 1, 'dead')
    const dead = await ended(engine, id)
    t.equal(await reopen(engine, id, 'redrive'), 'reopened')
    const redriven = await engine.get('traces', id)
    t.equal(redriven?.ended, null)
    t.match(redriven?.history, [
      ...dead.history,
      {
        what: 'redriven',
        replaced: dead.ended.announcement,
        was: { status: 'dead', at: dead.ended.result.finishedAt },
      },
    ])
    await settleAll(engine)
    t.equal(await reopen(engine, id, 'replay'), 'reopened')
    await settleAll(engine, 'dead')
    const { history, revision, ended: end } = await ended(engine, id)
    t.strictSame(
      history.map(({ what }) => what),
      ['failed', 'redriven', 'replayed', 'failed'],
    )
    t.equal(revision, 4)
    t.equal(end.result.status, 'dead')
  })
}
