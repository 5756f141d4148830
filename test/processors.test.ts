import { once } from 'node:events'
import t, { type Test } from 'tap'
import { folder } from './helper.js'
import { eachSettledOnce, load, stats, submit } from './load.js'
import { addressOf, type Process, run } from './process.js'
import { redisInstalled, redisServer } from './redis-server.js'
import { until } from './until.js'

const LEASE_MS = 2000

/** Two processes on one Redis, once they share its partitions. */
async function pair(t: Test, env: Record<string, string> = {}) {
  const server = await redisServer(t)
  const both = { REDIS_URL: server.url, KEY_PEPPER: 'p'.repeat(32), LEASE_MS: `${LEASE_MS}`, ...env }
  const processes = await Promise.all([run(t, [], both), run(t, [], both)])
  const [one, other] = await Promise.all(
    processes.map(async (process) => ({ process, url: await addressOf(process) })),
  )
  if (one === undefined || other === undefined) throw new Error('two were started')
  await until(async () => {
    const shares = (await stats(one.url)).processors.map(({ partitions }) => partitions.length)
    return shares.join() === '4,4'
  })
  return { one, other, server }
}

const kill = async ({ child, exit }: Process) => {
  child.kill('SIGKILL')
  await exit
}

if (redisInstalled(t)) {
  t.test('two processes share the partitions; when one is killed, the other goes on', async (t) => {
    const { one, other } = await pair(t)
    const { processors } = await stats(other.url)
    t.strictSame(
      processors.flatMap(({ partitions }) => partitions).sort(),
      [0, 1, 2, 3, 4, 5, 6, 7],
      'each partition has one',
    )
    const loads = [load(one.url), load(other.url)]
    await until(() => loads.every(({ acknowledged }) => acknowledged.length > 50))
    await kill(one.process)
    const killedAt = performance.now()
    await until(async () => {
      const shares = (await stats(other.url)).processors.map(({ partitions }) => partitions.length)
      return shares.includes(8)
    })
    const acknowledged = (await Promise.all(loads.map(({ end }) => end()))).flat()
    await eachSettledOnce(t, other.url, acknowledged)
    const tookMs = performance.now() - killedAt
    t.ok(tookMs < LEASE_MS + 2000 + 1500, `${Math.round(tookMs)} ms`)
  })

  t.test('a process that was stopped for longer than its lease settles nothing twice', async (t) => {
    const { one, other } = await pair(t)
    const loads = [load(one.url), load(other.url)]
    await until(() => loads.every(({ acknowledged }) => acknowledged.length > 50))
    one.process.child.kill('SIGSTOP')
    await until(async () =>
      (await stats(other.url)).processors.some(({ partitions }) => partitions.length === 8),
    )
    one.process.child.kill('SIGCONT')
    await until(async () => {
      const shares = (await stats(one.url)).processors.map(({ partitions }) => partitions.length)
      return shares.join() === '4,4'
    })
    const acknowledged = (await Promise.all(loads.map(({ end }) => end()))).flat()
    await eachSettledOnce(t, one.url, acknowledged)
    t.strictSame(await submit(one.url).then((id) => typeof id), 'string', 'it serves again')
  })

  t.test('a process that is told to stop hands over at once', async (t) => {
    const { one, other } = await pair(t, { LEASE_MS: '60000' })
    const loads = [load(one.url), load(other.url)]
    await until(() => loads.every(({ acknowledged }) => acknowledged.length > 50))
    one.process.child.kill('SIGTERM')
    t.equal(await one.process.exit, 0)
    const stoppedAt = performance.now()
    const acknowledged = (await Promise.all(loads.map(({ end }) => end()))).flat()
    await eachSettledOnce(t, other.url, acknowledged)
    const tookMs = performance.now() - stoppedAt
    t.ok(tookMs < 5000, `${Math.round(tookMs)} ms, of a lease of a minute`)
    t.equal((await stats(other.url)).processors.length, 1, 'the one that left is not listed')
  })
}

t.test('the embedded service, killed in the middle of requests, has all that it acknowledged', async (t) => {
  const DATA_DIR = `${await folder(t)}/data`
  const acknowledged: string[] = []
  for (let round = 0; round < 3; round++) {
    const keypost = await run(t, [], { DATA_DIR })
    const sending = load(await addressOf(keypost), 16)
    await until(() => sending.acknowledged.length > 100 + 50 * round)
    keypost.child.kill('SIGKILL')
    await once(keypost.child, 'close')
    acknowledged.push(...(await sending.end()))
  }
  const keypost = await run(t, [], { DATA_DIR })
  await eachSettledOnce(t, await addressOf(keypost), acknowledged)
})
