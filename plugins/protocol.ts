import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { KeypostError } from '../src/errors.js'

/** A path that nothing is at. */
const UNREADABLE = '/%00'

/** The path of a URL, as it was sent. */
export const pathOf = (url: string): string => url.split(/[?#]/, 1)[0] ?? ''

/** How often a header was sent (its name in lower case): of some, Node keeps only the first. */
export const timesSent = ({ rawHeaders }: IncomingMessage, header: string): number =>
  rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === header).length

/**
 * For Fastify's `rewriteUrl`: a path that its router cannot read would be answered without any hook, so without
 * limits, log line and headers.
 */
export function readableUrl({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  try {
    decodeURI(pathOf(url))
    return url === '*' ? UNREADABLE : url
  } catch {
    return UNREADABLE
  }
}

/** What HTTP itself asks of a request (RFC 9110, RFC 9112), and Node leaves to us so that we say it in our words. */
export default fp(
  async (app) => {
    app.addHook('onRequest', async ({ raw, headers }) => {
      if (raw.url === UNREADABLE) {
        throw invalid('The path could not be read.', 'path', '', 'must be valid percent-encoding')
      }
      // RFC 9112 §3.2; HTTP/1.0 knows no Host.
      const hosts = timesSent(raw, 'host')
      if (hosts > 1 || (hosts === 0 && raw.httpVersion === '1.1')) {
        throw invalid('It is not clear whom the request is for.', 'header', '/host', 'must be there once')
      }
      // RFC 9110 §10.1.1; Node meets 100-continue by itself.
      if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
        throw new KeypostError('expectation_failed', 'Of all expectations 100-continue alone is met.')
      }
    })
  },
  { name: 'protocol', dependencies: ['problems'] },
)

const invalid = (detail: string, place: 'path' | 'header', pointer: string, message: string): KeypostError =>
  new KeypostError('invalid_request', detail, [{ in: place, pointer, message }])
