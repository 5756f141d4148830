import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Test } from 'tap'
import { until } from './until.js'

export interface Message {
  /** null: it has no name. */
  name: string | null
  id: string
  data: unknown
}

/** A client of a stream of server-sent events, with all that it has received. */
export interface EventSource {
  readonly response: IncomingMessage
  readonly messages: Message[]
  /** Lines that are comments. */
  readonly comments: string[]
  /** As a client has it that would connect again: also of messages without data. */
  readonly lastEventId: string
  /** The end came as HTTP wants it; null: it goes on. */
  readonly isWhole: boolean | null
  close(): void
}

/** Opens a stream; resolves with the headers of the answer. It is closed after the test. */
export async function eventSource(
  t: Test,
  url: string,
  headers: Record<string, string> = {},
): Promise<EventSource> {
  const sent = request(url, { headers, agent: false }).end()
  t.teardown(() => sent.destroy())
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const messages: Message[] = []
  const comments: string[] = []
  let text = ''
  let lastEventId = ''
  let isWhole: boolean | null = null
  response.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      take(text.slice(0, end).split('\n'))
      text = text.slice(end + 2)
    }
  })
  response.on('error', () => {}) // it may be cut off
  response.on('close', () => {
    isWhole = response.complete && text === ''
  })
  const take = (lines: string[]) => {
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
    lastEventId = field('id') ?? lastEventId
    comments.push(...lines.filter((line) => line.startsWith(':')))
    const data = field('data')
    if (data !== undefined)
      messages.push({ name: field('event') ?? null, id: lastEventId, data: JSON.parse(data) })
  }
  return {
    response,
    messages,
    comments,
    get lastEventId() {
      return lastEventId
    },
    get isWhole() {
      return isWhole
    },
    close: () => void sent.destroy(),
  }
}

/** The `data` of the data of its events, once there are so many. */
export async function heard(source: EventSource, count: number): Promise<unknown[]> {
  const events = () => source.messages.filter(({ name }) => name === null)
  await until(() => events().length >= count)
  return events().map(({ data }) => (data as { data: unknown }).data)
}
