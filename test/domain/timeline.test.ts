import t from 'tap'
import type { HistoryEntry } from '../../src/domain/history.js'
import { timelineOf } from '../../src/domain/timeline.js'
import * as examples from '../../src/schemas/examples.js'

const { event, failure: error } = examples
const at = (second: number) => `2026-01-31T12:00:${String(second).padStart(2, '0')}.000Z`

const failed = (startedAt: number, ended: number, retryAt: number | null): HistoryEntry => ({
  what: 'failed',
  at: at(ended),
  startedAt: at(startedAt),
  processor: 'p',
  error,
  retryAt: retryAt === null ? null : at(retryAt),
})

const ended = (status: 'processed' | 'dead', started: number, finished: number) => ({
  result: { ...examples.result, status, finishedAt: at(finished) },
  delivered: { at: at(started), processor: 'p' },
})

const published = { at: event.time, what: 'published' }

t.test('an event that nobody has handled yet was published', async (t) => {
  t.strictSame(timelineOf({ event, history: [], ended: null }), [published])
})

t.test('one that went well was published, delivered and processed', async (t) => {
  t.strictSame(timelineOf({ event, history: [], ended: ended('processed', 1, 2) }), [
    published,
    { at: at(1), what: 'delivered', attempt: 1, processor: 'p' },
    { at: at(2), what: 'processed' },
  ])
})

t.test('a dead one has every attempt, and when the next was due', async (t) => {
  const history = [failed(1, 2, 5), failed(6, 7, null)]
  t.strictSame(timelineOf({ event, history, ended: ended('dead', 6, 8) }), [
    published,
    { at: at(1), what: 'delivered', attempt: 1, processor: 'p' },
    { at: at(2), what: 'failed', attempt: 1, processor: 'p', error },
    { at: at(5), what: 'retry', attempt: 2 },
    { at: at(6), what: 'delivered', attempt: 2, processor: 'p' },
    { at: at(7), what: 'failed', attempt: 2, processor: 'p', error },
    { at: at(8), what: 'dead' },
  ])
})

t.test('what was redriven and replayed begins again, after the ends that were replaced', async (t) => {
  const history: HistoryEntry[] = [
    failed(1, 2, null),
    { what: 'redriven', at: at(10), replaced: event.id, was: { status: 'dead', at: at(3) } },
    { what: 'replayed', at: at(20), replaced: event.id, was: { status: 'processed', at: at(11) } },
    failed(21, 22, 23),
  ]
  const moments = timelineOf({ event, history, ended: ended('processed', 23, 24) })
  t.strictSame(
    moments.map(({ what, attempt }) => `${what} ${attempt ?? ''}`.trim()),
    [
      ...['published', 'delivered 1', 'failed 1', 'dead', 'redriven', 'processed', 'replayed'],
      ...['delivered 1', 'failed 1', 'retry 2', 'delivered 2', 'processed'],
    ],
  )
  const times = moments.map(({ at }) => at)
  t.strictSame(times, times.toSorted(), 'in order of time')
})

t.test('clocks that disagree do not turn cause and effect round', async (t) => {
  const moments = timelineOf({ event, history: [failed(9, 2, 1)], ended: ended('processed', 0, 0) })
  t.strictSame(
    moments.map(({ what }) => what),
    ['published', 'delivered', 'failed', 'retry', 'delivered', 'processed'],
  )
})
