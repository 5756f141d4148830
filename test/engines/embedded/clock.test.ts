import t from 'tap'
import { idsOf, publish, reclaim } from '../contract/fixtures.js'
import { folder, openOn } from './fixtures.js'

t.test('positions only grow, also when the clock is set back, and over a restart', async (t) => {
  const dataDir = folder(t)
  const first = await openOn(t, dataDir)
  const ids = await publish(first, 2)
  const hourAgo = Date.now() - 3_600_000
  t.intercept(Date, 'now', { value: () => hourAgo })
  ids.push(...(await publish(first, 2)))
  await first.close()
  const second = await openOn(t, dataDir)
  ids.push(...(await publish(second, 2)))
  const { fresh } = await reclaim(second)
  t.strictSame(idsOf(fresh), ids)
  const positions = fresh.map(({ position }) => position)
  t.strictSame(positions, [...new Set(positions)].sort())
})
