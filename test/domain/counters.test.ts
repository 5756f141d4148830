import t from 'tap'
import { isConserved, withStandardTopics } from '../../src/domain/counters.js'

const none = { published: 0, processed: 0, dead: 0, pending: 0, retrying: 0, discarded: 0 }
const accounted = { published: 10, processed: 4, dead: 3, pending: 2, retrying: 1, discarded: 3 }

t.test('conserved: every event is processed, dead, pending or retrying, once', async (t) => {
  t.equal(isConserved({}), true)
  t.equal(isConserved({ key_submission: accounted }), true)
  for (const counter of ['published', 'processed', 'dead', 'pending', 'retrying'] as const) {
    const off = { ...accounted, [counter]: accounted[counter] + 1 }
    t.equal(isConserved({ custom: accounted, key_submission: off }), false, counter)
  }
})

t.test('announcements have no results, so only their number counts', async (t) => {
  t.equal(isConserved({ processing_results: { ...none, published: 7 } }), true)
})

t.test('the standard topics are always there, the others beside them, by name', async (t) => {
  const all = withStandardTopics({ orders: accounted, profile_events: accounted })
  t.strictSame(Object.keys(all), ['key_submission', 'orders', 'processing_results', 'profile_events'])
  t.same(all.key_submission, none)
  t.same(all.profile_events, accounted)
})
