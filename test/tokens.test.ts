import t from 'tap'
import { digestOf, newToken, ownerOf, parseTokens, type Token } from '../src/tokens.js'
import { entry } from './tokens.js'

const tokens = (...names: string[]): Token[] =>
  names.map((name) => ({ name, scopes: new Set(['read']), digest: digestOf(`kp_${name}`) }))

t.test('every configured token is looked at, wherever the right one is', async (t) => {
  for (const sent of ['kp_a', 'kp_b', 'kp_c', 'kp_nobody']) {
    const looked: string[] = []
    const watched = tokens('a', 'b', 'c').map(({ digest, ...token }) => ({
      ...token,
      get digest() {
        looked.push(token.name)
        return digest
      },
    }))
    t.equal(ownerOf(sent, watched)?.name ?? 'nobody', sent.slice(3))
    t.strictSame(looked, ['a', 'b', 'c'])
  }
})

t.test('digests are compared in constant time', async (t) => {
  const [token] = tokens('a')
  // What compares byte by byte would find these different; timingSafeEqual refuses another length.
  t.throws(() => ownerOf('kp_a', [{ ...(token as Token), digest: Buffer.alloc(31) }]), {
    code: 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH',
  })
})

t.test('a new token is 256 random bits that a scanner recognises, and its entry is understood', async (t) => {
  const made = new Set(Array.from({ length: 1000 }, () => newToken('ci', ['read', 'admin']).token))
  t.equal(made.size, 1000)
  for (const token of made) t.match(token, /^kp_[A-Za-z0-9_-]{43}$/)
  const { token, entry: own } = newToken('ci', ['read', 'admin'])
  t.notOk(own.includes(token))
  t.strictSame(parseTokens(own), [
    { name: 'ci', scopes: new Set(['read', 'admin']), digest: digestOf(token) },
  ])
  t.equal(ownerOf(token, parseTokens(`${entry('kp_x', 'x', 'read')},${own}`))?.name, 'ci')
})
