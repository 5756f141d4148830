import { once } from 'node:events'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import t from 'tap'
import { folder, until } from './helper.js'
import { addressOf, run } from './process.js'

t.test('it says once where it listens, serves, and stops at a signal with 0', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const keypost = await run(t, [])
    const url = await addressOf(keypost)
    t.match(keypost.out(), /engine +embedded/)
    t.match(keypost.out(), `${url}/docs`)
    t.equal(keypost.out().split('Keypost ').length, 2, 'one banner')
    const answer = await fetch(`${url}/keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: 'sk_test_of_a_process', name: 'n' }),
    })
    t.equal(answer.status, 202)
    keypost.child.kill(signal)
    t.equal(await keypost.exit, 0, signal)
    t.equal(keypost.err(), '')
  }
})

/** A POST of a key whose head has arrived, and whose body is still to come. */
async function halfSent(url: string): Promise<{ request: ClientRequest; answer: Promise<IncomingMessage> }> {
  const headers = { 'content-type': 'application/json', expect: '100-continue' }
  const request = httpRequest(`${url}/keys`, { method: 'POST', headers })
  const answer = once(request, 'response').then(
    ([response]: IncomingMessage[]) => response as IncomingMessage,
  )
  answer.catch(() => {})
  request.flushHeaders()
  await once(request, 'continue')
  request.write('{"key": "sk_test_slowly_sent", ')
  return { request, answer }
}

t.test('a request that is in hand at a signal is answered', async (t) => {
  const keypost = await run(t, [])
  const { request, answer } = await halfSent(await addressOf(keypost))
  keypost.child.kill('SIGTERM')
  await until(() => keypost.out().includes('stopping'))
  request.end('"name": "n"}')
  t.equal((await answer).statusCode, 202)
  t.equal(await keypost.exit, 0)
})

t.test('a stop does not wait for ever, and a second signal makes it at once', async (t) => {
  const bounded = await run(t, [], { SHUTDOWN_MS: '200' })
  await halfSent(await addressOf(bounded))
  bounded.child.kill('SIGTERM')
  t.equal(await bounded.exit, 1)
  t.match(bounded.out(), 'work still in hand')

  const impatient = await run(t, [], { SHUTDOWN_MS: '60000' })
  await halfSent(await addressOf(impatient))
  impatient.child.kill('SIGTERM')
  await until(() => impatient.out().includes('stopping'))
  impatient.child.kill('SIGTERM')
  t.equal(await impatient.exit, 1)
})

t.test('what it kept is there after a restart, and after kill -9', async (t) => {
  const DATA_DIR = `${await folder(t)}/data`
  const ids: string[] = []
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const keypost = await run(t, [], { DATA_DIR })
    const url = await addressOf(keypost)
    for (const id of ids) t.equal((await fetch(`${url}/profiles/${id}`)).status, 200)
    const answer = await fetch(`${url}/profiles`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: signal, email: `${signal}@example.com` }),
    })
    t.equal(answer.status, 201)
    ids.push(((await answer.json()) as { id: string }).id)
    keypost.child.kill(signal)
    await keypost.exit
  }
})

t.test('what stops the start is one line, without a stack', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  const taken = await until(() => {
    const address = server.address()
    return typeof address === 'object' && address !== null && String(address.port)
  })
  for (const [env, message] of [
    [{ PORT: taken }, `127.0.0.1:${taken} is in use`],
    [{ PORT: 'x' }, 'PORT: must be integer'],
    [{ HOST: '0.0.0.0' }, 'HOST: without API_TOKENS it must be a loopback address'],
    [{ REDIS_URL: 'redis://127.0.0.1' }, 'KEY_PEPPER: is required'],
  ] as const) {
    const { exit, err } = await run(t, [], env)
    t.equal(await exit, 1)
    t.ok(err().startsWith(`keypost: ${message}`), err())
    t.equal(err().trim().split('\n').length, 1, 'one line')
  }
})

t.test('one folder, one process', async (t) => {
  const DATA_DIR = `${await folder(t)}/data`
  const first = await run(t, [], { DATA_DIR })
  await addressOf(first)
  const second = await run(t, [], { DATA_DIR })
  t.equal(await second.exit, 1)
  t.equal(second.err().trim().split('\n').length, 1, second.err())
})

t.test('data that was written with another pepper refuses to start', async (t) => {
  const DATA_DIR = `${await folder(t)}/data`
  const first = await run(t, [], { DATA_DIR, KEY_PEPPER: 'a'.repeat(32) })
  await addressOf(first)
  first.child.kill('SIGTERM')
  t.equal(await first.exit, 0)
  const second = await run(t, [], { DATA_DIR, KEY_PEPPER: 'b'.repeat(32) })
  t.equal(await second.exit, 1)
  t.equal(second.err().trim().split('\n').length, 1, second.err())
  const third = await run(t, [], { DATA_DIR, KEY_PEPPER: `${'b'.repeat(32)},${'a'.repeat(32)}` })
  await addressOf(third)
})

t.test('--help and --version say it and end; every command has a help of its own', async (t) => {
  const help = await run(t, ['--help'])
  t.equal(await help.exit, 0)
  t.match(help.out(), 'Usage: keypost [command]')
  const version = await run(t, ['--version'])
  t.equal(await version.exit, 0)
  t.match(version.out(), /^\d+\.\d+\.\d+\n$/)
  const named = [...help.out().matchAll(/^ {2}(\w+) {2,}/gm)].flatMap(([, name]) => name ?? [])
  t.strictSame(named, ['serve', 'process', 'demo', 'doctor', 'token', 'openapi'])
  for (const name of named) {
    const own = await run(t, [name, '--help'])
    t.equal(await own.exit, 0)
    t.ok(own.out().startsWith(`Usage: keypost ${name}`), own.out())
    t.ok(
      own
        .out()
        .split('\n')
        .every((line) => line.length <= 120),
      'short lines',
    )
  }
})

t.test('a token that it makes is one that it takes', async (t) => {
  const made = await run(t, ['token', 'ci', 'read+admin'])
  t.equal(await made.exit, 0)
  const [token = '', entry = ''] = [...made.out().matchAll(/^ {2}(\S+)$/gm)].map(([, text]) => text)
  t.match(entry, /^ci:read\+admin:/)
  const keypost = await run(t, [], { API_TOKENS: entry })
  const url = await addressOf(keypost)
  t.match(keypost.out(), /^ {2}access +ci \(read, admin\)$/m)
  t.notOk(keypost.out().includes(entry.slice(-64)), 'its digest is not said')
  const authorization = `Bearer ${token}`
  t.equal((await fetch(`${url}/keys`, { headers: { authorization } })).status, 200)
  t.equal((await fetch(`${url}/keys`)).status, 401)
  t.equal((await fetch(`${url}/keys`, { method: 'POST', headers: { authorization } })).status, 403)

  const usual = await run(t, ['token', 'ci'])
  t.equal(await usual.exit, 0)
  t.match(usual.out(), /^ {2}ci:read\+write:[0-9a-f]{64}$/m)
})

t.test('what is not a command, an option or an argument of it is refused, with how it is used', async (t) => {
  for (const [args, said] of [
    [['nonsense'], /there is no command "nonsense"[\s\S]*Usage: keypost \[command\]/],
    [['toString'], /there is no command "toString"/],
    [['--nonsense'], /'--nonsense'[\s\S]*Usage: keypost serve/],
    [['serve', '--json'], /'--json'[\s\S]*Usage: keypost serve/],
    [['token'], /^keypost: token: the name must be/],
    [['token', 'a b'], /^keypost: token: the name must be/],
    [['token', 'ci', 'read+all'], /^keypost: token: the scopes must be some of read, write, admin/],
    [['token', 'ci', 'read', 'write'], /"write" is an argument too many[\s\S]*Usage: keypost token/],
    [['doctor', 'it'], /"it" is an argument too many[\s\S]*Usage: keypost doctor/],
  ] as const) {
    const wrong = await run(t, [...args])
    t.equal(await wrong.exit, 1)
    t.match(wrong.err(), said)
    t.notMatch(wrong.err(), '    at ')
  }
})
