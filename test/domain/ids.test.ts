import t from 'tap'
import { derivedId, newId, placementOf, timeOf } from '../../src/domain/ids.js'

t.test('what an operation creates has the same ids whenever it is carried out', async (t) => {
  const operation = newId()
  const [record, event] = [derivedId(operation, 'record', 7), derivedId(operation, 'event', 7)]
  t.not(record, event)
  t.equal(derivedId(operation, 'record', 7), record)
  t.equal(derivedId(operation, 'event', 7), event)
  for (const id of [record, event]) {
    t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    t.equal(placementOf(id), 7)
    t.equal(timeOf(id), timeOf(operation))
  }
})

t.test('ids that are derived from one operation after the other are unique and in order', async (t) => {
  const operations = Array.from({ length: 5000 }, () => newId())
  const records = operations.map((id) => derivedId(id, 'record', 65_535))
  const events = operations.map((id) => derivedId(id, 'event', 65_535))
  t.strictSame(records, [...records].sort())
  t.strictSame(events, [...events].sort())
  t.equal(new Set([...records, ...events]).size, 10_000)
})
