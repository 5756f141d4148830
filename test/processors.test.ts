import { once } from 'node:events'
import t, { type Test } from 'tap'
import { folder, newKey } from './helper.js'
import { addressOf, type Process, run } from './process.js'
import { redisInstalled, redisServer } from './redis-server.js'
import { until } from './until.js'

const LEASE_MS = 2000

interface Stats {
  conserved: boolean
  topics: Record<string, { published: number; processed: number; pending: number; retrying: number }>
  processors: { id: string; partitions: number[] }[]
}

async function get<T>(url: string): Promise<T> {
  const answer = await fetch(url)
  if (answer.status !== 200) throw new Error(`${answer.status} from ${url}`)
  return (await answer.json()) as T
}

const stats = (url: string) => get<Stats>(`${url}/stats`)

/** Submits a key; the id of its event. Throws when it is not acknowledged. */
async function submit(url: string): Promise<string> {
  const answer = await fetch(`${url}/keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key: newKey(), name: 'n' }),
  })
  const eventId = answer.headers.get('keypost-event-id')
  if (answer.status !== 202 || eventId === null) throw new Error(`not acknowledged: ${answer.status}`)
  await answer.arrayBuffer()
  return eventId
}

/** Submits keys, several at a time, until it is told to end or fails; the ids of the events acknowledged. */
function load(url: string, width = 4) {
  const acknowledged: string[] = []
  let ended = false
  const sender = async () => {
    while (!ended) acknowledged.push(await submit(url))
  }
  const senders = Promise.allSettled(Array.from({ length: width }, sender))
  const end = async () => {
    ended = true
    await senders
    return acknowledged
  }
  return { acknowledged, end }
}

/** Which results there are, from all pages. */
async function results(url: string): Promise<string[]> {
  const ids: string[] = []
  let next: string | null = ''
  do {
    const page: { items: { id: string }[]; nextCursor: string | null } = await get(
      `${url}/results?topic=key_submission&limit=200${next && `&cursor=${next}`}`,
    )
    ids.push(...page.items.map(({ id }) => id))
    next = page.nextCursor
  } while (next !== null)
  return ids
}

/** Each event that was acknowledged has one result, and all is accounted for, within the time. */
async function eachSettledOnce(t: Test, url: string, acknowledged: string[], withinMs?: number) {
  await until(async () => {
    const { pending, retrying } = (await stats(url)).topics.key_submission ?? { pending: 1, retrying: 0 }
    return pending + retrying === 0
  }, withinMs)
  const settled = await results(url)
  t.equal(new Set(settled).size, settled.length, 'no result twice')
  const missing = acknowledged.filter((id) => !settled.includes(id))
  t.strictSame(missing, [], `none of ${acknowledged.length} is missing`)
  const { conserved, topics } = await stats(url)
  t.equal(conserved, true)
  t.match(topics.key_submission, { published: settled.length, processed: settled.length })
  t.match(topics.processing_results, { published: settled.length })
}

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
