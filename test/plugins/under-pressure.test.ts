import t from 'tap'
import { MAX_EVENT_LOOP_DELAY_MS } from '../../plugins/under-pressure.js'
import { build, until } from '../helper.js'

t.test('while the event loop lags requests are refused, probes are not, and it ends by itself', async (t) => {
  const app = await build(t)
  let blocking = true
  const block = () => {
    const end = performance.now() + MAX_EVENT_LOOP_DELAY_MS * 1.3
    while (performance.now() < end);
    if (blocking) setImmediate(block)
  }
  block()
  const refused = await until(async () => {
    const answer = await app.inject('/keys')
    return answer.statusCode === 503 && answer
  })
  t.match(refused.headers, { 'retry-after': '1', 'content-type': /^application\/problem\+json/ })
  t.match(refused.json(), { status: 503, code: 'overloaded' })
  t.notMatch(refused.body, 'FST_')
  t.equal((await app.inject('/livez')).statusCode, 200)
  t.not((await app.inject('/readyz')).json().code, 'overloaded')
  blocking = false
  await until(async () => (await app.inject('/keys')).statusCode === 200)
})
