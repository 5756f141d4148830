import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface CollectedSpan {
  service: string
  name: string
  /** 2: server, 4: producer, 5: consumer. */
  kind: number
  traceId: string
  spanId: string
  parentSpanId?: string
  attributes: Record<string, unknown>
  /** 2: error. */
  status: { code?: number; message?: string }
  events: unknown[]
}

interface Attribute {
  key: string
  value: Record<string, unknown>
}
interface Exported {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { spans: (Omit<CollectedSpan, 'attributes'> & { attributes: Attribute[] })[] }[]
  }[]
}

const plain = (attributes: Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

/** A collector of the test's own, for OTLP over HTTP in JSON. `silent`: it takes spans and never answers. */
export async function collector(t: Test, { silent = false } = {}) {
  const received: string[] = []
  const spans: CollectedSpan[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    received.push(`${request.url} ${body}`)
    for (const { resource, scopeSpans } of (JSON.parse(body) as Exported).resourceSpans) {
      const service = String(plain(resource.attributes)['service.name'])
      for (const span of scopeSpans.flatMap(({ spans }) => spans))
        spans.push({ ...span, service, attributes: plain(span.attributes) })
    }
    if (!silent) response.setHeader('content-type', 'application/json').end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, spans, received }
}
