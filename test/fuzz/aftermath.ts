import { until } from '../until.js'
import type { Ledger } from './ledger.js'
import type { Rig } from './rig.js'
import { KEY_MARK } from './values.js'

interface Item {
  id: string
  topic?: string
  requestid?: string
}

interface Stats {
  conserved: boolean
  topics: Record<string, { published: number; pending?: number; retrying?: number }>
}

const RESULTS = 'processing_results'
const LISTS = ['/keys', '/profiles', '/events', '/results', '/dead-letters'] as const
const DRAINS_MS = 120_000

/** What is wrong with what is left when all is done. */
export async function aftermath({ app, tokens, log }: Rig, ledger: Ledger): Promise<string[]> {
  const headers = tokens === null ? {} : { authorization: `Bearer ${tokens.all}` }
  const get = async <T>(url: string, method: 'GET' | 'DELETE' = 'GET'): Promise<T> => {
    const response = await app.inject({ method, url, headers: { host: 'localhost', ...headers } })
    if (response.statusCode !== 200) throw new Error(`${method} ${url}: ${response.statusCode}`)
    return response.json()
  }
  const wrong: string[] = []
  const complain = (what: string, which: unknown[]) => {
    if (which.length > 0) wrong.push(`${what}: ${which.length}, such as ${JSON.stringify(which.slice(0, 3))}`)
  }

  const { items: replays } = await get<{ items: Item[] }>('/replays')
  for (const { id } of replays) await get(`/replays/${id}`, 'DELETE')
  const stats = await until(async () => {
    const now = await get<Stats>('/stats')
    const settled = Object.values(now.topics).every(
      ({ pending = 0, retrying = 0 }) => pending + retrying === 0,
    )
    return settled && now
  }, DRAINS_MS)
  if (!stats.conserved) wrong.push(`not conserved: ${JSON.stringify(stats.topics)}`)

  const all = async (list: string): Promise<Item[]> => {
    const items: Item[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page = await get<{ items: Item[]; nextCursor: string | null }>(`${list}?limit=200${more}`)
      items.push(...page.items)
      cursor = page.nextCursor
    }
    return items
  }
  const lists = new Map<string, Item[]>()
  for (const list of LISTS) lists.set(list, await all(list))

  const events = lists.get('/events') ?? []
  const published = new Set(events.map(({ id }) => id))
  const handled = events.filter(({ topic }) => topic !== RESULTS)
  const results = (lists.get('/results') ?? []).map(({ id }) => id)
  complain(
    'acknowledged, but not published',
    [...ledger.events].filter((id) => !published.has(id)),
  )
  const settled = new Set(results)
  complain(
    'without a result',
    handled.filter(({ id }) => !settled.has(id)),
  )
  complain('with several results', results.length === settled.size ? [] : [results.length])
  for (const [topic, { published }] of Object.entries(stats.topics)) {
    const found = events.filter((event) => event.topic === topic).length
    if (found !== published) wrong.push(`${topic}: ${published} are counted, and ${found} are there`)
  }
  complain(
    'published by a request that was refused',
    events.filter(({ requestid = '' }) => ledger.refused.has(requestid)),
  )
  for (const [list, items] of [...lists, ['/replays', replays] as const]) {
    const text = JSON.stringify(items)
    complain(`from a request that was refused, in ${list}`, ledger.refusedIn(text))
    if (text.includes(KEY_MARK)) wrong.push(`a raw key in ${list}`)
  }
  complain('from a request that was refused, in the log', ledger.refusedIn([...log.marks].join(' ')))
  if ((await get<{ status: string }>('/readyz')).status !== 'ok') wrong.push('not ready')
  return [...wrong, ...log.failures]
}
