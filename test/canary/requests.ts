import { request } from 'node:http'
import { connect } from 'node:net'

export interface Sent {
  method?: string
  path: string
  headers?: Record<string, string>
  body?: string | object
}

export interface Got {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
  /** The status line, the headers and the body. */
  whole: string
}

/** Sends a request over a socket of its own; rejects when there is no answer. */
export function send(url: string, { method = 'POST', path, headers = {}, body }: Sent): Promise<Got> {
  const text = typeof body === 'object' ? JSON.stringify(body) : body
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ hostname, port, method, path, agent: false },
        headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers },
      },
      async (answer) => {
        let body = ''
        try {
          for await (const chunk of answer) body += chunk
        } catch (error) {
          return reject(error)
        }
        const { statusCode: status = 0, statusMessage, rawHeaders } = answer
        resolve({
          ...{ status, headers: answer.headers, body },
          whole: `${status} ${statusMessage}\n${rawHeaders.join('\n')}\n\n${body}\n`,
        })
      },
    )
    sent.on('error', reject)
    sent.end(text)
  })
}

/** Sends bytes that need not be HTTP; all that comes back. */
export async function sendBytes(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.end(bytes)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}

let unique = 0

/** A key with a marker in it, whose last four characters, which its mask shows, are none of the marker's. */
export const keyWith = (marker: string): string => `sk_live_${unique++}_${marker}_end.`

/** Bodies, headers and paths with a key where it belongs and where it does not, which are all refused. */
export function refused(marker: string, token: string): Sent[] {
  const key = keyWith(marker)
  const good = { key, name: 'canary-name' }
  const json = JSON.stringify(good)
  const post = (body: string | object, headers: Record<string, string> = {}): Sent => ({
    path: '/keys',
    body,
    headers,
  })
  const get = (path: string): Sent => ({ method: 'GET', path })
  return [
    // A body that is no JSON, or of another shape
    ...[`{"key": "${key}`, key, `'${key}'`, `${json}}`, `[${json}]`, `{"${key}": 1, "${key}": 2}`].map(
      (body) => post(body),
    ),
    ...[
      [key],
      key,
      { ...good, key: { [key]: key } },
      { ...good, key: [key] },
      { ...good, name: { key } },
    ].map((body) => post(JSON.stringify(body))),
    post({ ...good, [key]: key }),
    post({ ...good, key: key.repeat(500) }),
    post({ ...good, name: key.repeat(50) }),
    post({ ...good, expiresAt: key }),
    post({ ...good, profileId: key }),
    post(`{"__proto__": {"key": "${key}"}, "key": "${key}"}`),
    // The key beside itself
    post({ ...good, name: key }),
    post({ ...good, name: `my key is ${key}` }),
    post({ ...good, name: `'${key}'` }),
    post({ ...good, metadata: { note: key } }),
    post({ ...good, metadata: { [key]: 'note' } }),
    post({ ...good, metadata: { note: { [key]: key } } }),
    // Too large, of another type, with headers that are not what they should be
    post(JSON.stringify({ ...good, pad: key.repeat(20_000) })),
    ...['text/plain', 'application/xml', `application/${key}`, key].map((type) =>
      post(json, { 'content-type': type }),
    ),
    post(json, { 'idempotency-key': `${key} ${key}`.repeat(10) }),
    post(json, { 'idempotency-key': `"${key}` }),
    post(json, { prefer: `wait=5; a="${key.repeat(30)}"` }),
    { method: 'PATCH', path: `/keys/${key}`, body: { name: key } },
    { method: 'PATCH', path: `/keys/0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f`, body: { key } },
    { method: 'DELETE', path: '/keys/0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f', headers: { 'if-match': key } },
    // In the path and the query
    ...[`/${key}`, `/keys/${key}`, `/keys/%zz${key}`, `/keys?${key}=1`, `/keys?status=${key}`].map(get),
    ...[`/keys?cursor=${key}`, `/results/${key}`, `/events?since=${key}`, `/topics/${key}/events`].map(get),
    ...[`/docs/${key}`, `/openapi.json?key=${key}`, `/events/stream?topic=${key}`].map(get),
    { path: `/topics/${key}/events`, body: { type: 'thing.happened', data: key } },
    { path: '/topics/things/events', body: { type: 'thing.happened', [key]: key } },
    { path: '/topics/things/events', body: '1', headers: { [`ce-${marker}`]: key } },
    { path: '/topics/key_submission/events', body: { type: 'key.submitted', data: good } },
    // 405, and whoever may not
    ...['PUT', 'DELETE', 'OPTIONS'].map((method) => ({ method, path: `/keys?key=${key}` })),
    { ...post(good), headers: { authorization: `Bearer ${key}` } },
    { ...post(good), headers: { authorization: `Basic ${key}` } },
    { ...post(good), headers: { authorization: `Bearer ${token} ${key}` } },
    { ...post(good), headers: { authorization: '' } },
    { path: '/dead-letters/redrive', body: { [key]: key } },
  ]
}

/** What never becomes a request. */
export const noHttp = (marker: string): string[] => {
  const key = keyWith(marker)
  return [
    `${key}\r\n\r\n`,
    `POST /keys HTTP/1.1\r\nhost: x\r\n${key}\r\n\r\n`,
    `POST /keys?${key} HTTP/9.9\r\n\r\n`,
    `GET / HTTP/1.1\r\nhost: ${key}\r\nx: ${key.repeat(1000)}\r\n\r\n`,
    `POST /keys HTTP/1.1\r\nhost: x\r\ncontent-length: ${key}\r\n\r\n`,
  ]
}

/** Ways to write a key in JSON; each is taken, and settled one way or the other. */
export function accepted(marker: string): string[] {
  const key = () => keyWith(marker)
  const again = key()
  const escaped = [...key()].map((character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return [
    ...[
      again,
      again,
      `"${key()}"`,
      `  '${key()}' \n`,
      `ключ-${key()}-🔑`,
      Buffer.from(key()).toString('hex'),
    ].map((key) => JSON.stringify({ key, name: 'canary-name' })),
    `{"key": "${escaped.join('')}", "name": "canary-name"}`,
    JSON.stringify({ key: key(), name: 'canary-name', expiresAt: '2001-01-01T00:00:00Z' }),
    JSON.stringify({ key: key(), name: 'canary-name', profileId: '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f' }),
    JSON.stringify({ key: key(), name: 'canary-name', metadata: { where: 'canary-metadata' } }),
  ]
}
