import type { Test } from 'tap'
import { newKey } from './helper.js'
import { until } from './until.js'

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

export const stats = (url: string) => get<Stats>(`${url}/stats`)

/** Submits a key; the id of its event. Throws when it is not acknowledged. */
export async function submit(url: string): Promise<string> {
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
export function load(url: string, width = 4) {
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
export async function eachSettledOnce(t: Test, url: string, acknowledged: string[], withinMs?: number) {
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
