import { readdir } from 'node:fs/promises'
import t from 'tap'
import { Client } from '../src/demo/client.js'
import { type Progress, progressOn } from '../src/demo/progress.js'
import { percentiles } from '../src/demo/report.js'
import { runDemo } from '../src/demo/run.js'
import { build, folder } from './helper.js'
import { addressOf, run } from './process.js'
import { freePort } from './redis-server.js'
import { entry } from './tokens.js'

/** What the table must say, whatever the engine and the machine: outcome and number of events. */
const ROWS = [
  /key\.submitted +accepted +40 /,
  /key\.submitted +duplicate +8 /,
  /key\.submitted +rejected: expired +4 /,
  /key\.submitted +rejected: profile_not_found +3 /,
  /key\.updated +recorded +4 /,
  /key\.revoked +recorded +3 /,
  /key\.deleted +recorded +3 /,
  /profile\.deleted +recorded +1 /,
]

t.test('without a service it starts a throw-away one, and leaves nothing behind', async (t) => {
  const TMPDIR = await folder(t)
  const { exit, out, err } = await run(t, ['demo'], { TMPDIR })
  t.equal(await exit, 0, out() + err())
  t.equal(err(), '')
  for (const row of ROWS) t.match(out(), row)
  t.match(out(), /keypost\.demo +demo\.said +recorded +1 /)
  t.match(out(), /keypost\.demo +demo\.flaky +worked \(2 attempts\) +1 /)
  t.match(out(), /keypost\.demo +demo\.failing +dead: \w+ \(3 attempts\) +1 /)
  for (const link of ['/docs', '/results', '/dead-letters', '/timeline']) t.match(out(), link)
  for (const control of ['\r', '\u001b']) t.notOk(out().includes(control), 'plain lines')
  t.strictSame(await readdir(TMPDIR), [])
})

t.test('on a running service, as often as one likes', async (t) => {
  const url = await addressOf(await run(t, []))
  for (const times of [1, 2]) {
    const { exit, out, err } = await run(t, ['demo', url])
    t.equal(await exit, 0, out() + err())
    for (const row of ROWS) t.match(out(), row)
    t.match(out(), `${url}/docs`)
    const { items } = (await (await fetch(`${url}/profiles`)).json()) as { items: unknown[] }
    t.equal(items.length, 4 * times, 'its records stay: five profiles, of which one is deleted')
  }
})

t.test('on a service that takes tokens, with the one of KEYPOST_TOKEN', async (t) => {
  const url = await addressOf(await run(t, [], { API_TOKENS: entry('kp_demo', 'demo', 'read+write') }))
  const { exit, out, err } = await run(t, ['demo', url], { KEYPOST_TOKEN: 'kp_demo' })
  t.equal(await exit, 0, out() + err())
  for (const row of ROWS) t.match(out(), row)
  for (const [KEYPOST_TOKEN, said] of [
    ['', /^keypost: demo: POST \/profiles: .*KEYPOST_TOKEN.*read and write/],
    ['kp_wrong', /^keypost: demo: POST \/profiles: .*KEYPOST_TOKEN/],
    ['kp_de\nmo', /^keypost: KEYPOST_TOKEN: must be a bearer token/],
  ] as const) {
    const refused = await run(t, ['demo', url], { KEYPOST_TOKEN })
    t.equal(await refused.exit, 1)
    t.match(refused.err(), said)
    t.equal(refused.err().trim().split('\n').length, 1, refused.err())
    t.notMatch(refused.err(), /kp_(wrong|de)/)
  }
})

t.test('the service of this configuration is found without its URL', async (t) => {
  const url = await addressOf(await run(t, []))
  const { exit, out } = await run(t, ['demo'], { PORT: new URL(url).port })
  t.equal(await exit, 0, out())
  t.match(out(), `Keypost at ${url}:`)
})

t.test('no service at the URL that was asked for: one line, and 1', async (t) => {
  for (const [url, said] of [
    ['http://127.0.0.1:1', /^keypost: demo: no Keypost is ready at http:\/\/127\.0\.0\.1:1/],
    ['127.0.0.1', /^keypost: demo: the URL must be/],
  ] as const) {
    const { exit, err } = await run(t, ['demo', url])
    t.equal(await exit, 1)
    t.match(err(), said)
    t.equal(err().trim().split('\n').length, 1, err())
  }
})

/** A progress that is remembered. */
function remembered(): Progress & { lines: string[] } {
  const lines: string[] = []
  return { lines, show: () => {}, done: (line) => lines.push(line) }
}

t.test('what nobody handles does not settle, and that is said', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  const client = new Client(await app.listen({ host: '127.0.0.1', port: 0 }))
  t.equal(await client.isReady(), false)
  const progress = remembered()
  const { results, unsettled } = await runDemo(client, progress, { failing: false, patienceMs: 200 })
  t.strictSame([results.length, unsettled.length], [0, 5])
  t.strictSame(progress.lines, ['✗ create profiles: 0 of 5 settled'], 'and nothing more is sent')
})

t.test('a service that goes away ends the demo, with one line that says what was sent', async (t) => {
  const demo = runDemo(new Client(`http://127.0.0.1:${await freePort()}`), remembered(), {
    failing: false,
    patienceMs: 200,
  })
  await t.rejects(demo, { name: 'Refused', message: /^POST \/profiles: connect ECONNREFUSED/ })
})

t.test('a live bar in a terminal, lines elsewhere and in CI', async (t) => {
  const shown = (isTTY: boolean, CI: string) => {
    const before = process.env.CI
    process.env.CI = CI
    let text = ''
    const stream = { isTTY, write: (chunk: string) => (text += chunk) } as unknown as NodeJS.WriteStream
    const progress = progressOn(stream)
    if (before === undefined) delete process.env.CI
    else process.env.CI = before
    progress.show('submit keys', 10, 40)
    progress.done('✓ submit keys')
    return text
  }
  t.match(shown(true, ''), /^\r.*███████░{23} 10\/40 submit keys\r.*✓ submit keys\n$/)
  t.equal(shown(false, ''), '  ✓ submit keys\n')
  t.equal(shown(true, 'true'), '  ✓ submit keys\n')
})

t.test('percentiles are of the numbers themselves', async (t) => {
  t.strictSame(percentiles([]), ['0', '0'])
  t.strictSame(percentiles([7]), ['7', '7'])
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n)
  t.strictSame(percentiles(hundred), ['50', '99'])
})
