import { isIP, isIPv6, SocketAddress } from 'node:net'

/** An address or network (CIDR) of proxies as it was written, or null if it is none. */
export function proxyIn(text: string): string | null {
  const [address = '', prefix, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0 || address.includes('%')) return null
  if (prefix === undefined) return text
  // Of length 0 it would be everybody, and then clients say themselves who they are.
  const longest = version === 4 ? 32 : 128
  return /^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= longest ? text : null
}

/** The origin of web pages (RFC 6454 §6.2) as browsers write it, or null if it is none. */
export function originIn(text: string): string | null {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return null
  const { origin } = new URL(text)
  return origin === text ? origin : null
}

/**
 * What an address is limited by: itself, or of IPv6 its first 64 bits, since whoever has one address of such a
 * network has them all.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [canonical = ''] = new SocketAddress({ address, family: 'ipv6' }).address.split('%', 1)
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1]
  if (mapped !== undefined) return mapped
  const [head = [], tail = []] = canonical.split('::').map((half) => half.split(':').filter(Boolean))
  const zeros = Array<string>(8 - head.length - tail.length).fill('0')
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`
}
