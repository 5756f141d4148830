import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { certificates, opensslInstalled } from './certificates.js'
import { submit } from './load.js'
import { addressOf, run } from './process.js'
import { freePort, redisInstalled, redisServer, redisUrl } from './redis-server.js'
import { until } from './until.js'

/** A Redis that takes TLS alone, and what Keypost needs to reach it. */
async function overTls(t: Test, ...args: string[]) {
  const { ca, cert, key } = await certificates(t)
  const port = await freePort()
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca]
  await redisServer(t, { args: ['--port', '0', '--tls-port', `${port}`, ...files, ...args] })
  const urlOf = (user: 'keypost' | 'admin') =>
    redisUrl(port, user).replace('redis:', 'rediss:').replace('127.0.0.1', 'localhost')
  const env = { REDIS_URL: urlOf('keypost'), NODE_EXTRA_CA_CERTS: ca, KEY_PEPPER: 'p'.repeat(32) }
  return { env, adminUrl: urlOf('admin'), ca: readFileSync(ca) }
}

const ONE_WAY = ['--tls-auth-clients', 'no']

/** Runs it, and answers the first line of its log that says why Redis is out of reach. */
async function refusal(t: Test, env: Record<string, string>) {
  const keypost = await run(t, [], env)
  const lines = () =>
    keypost
      .out()
      .split('\n')
      .filter((line) => line.includes('Redis is out of reach'))
  const [line = ''] = await until(() => (lines().length > 0 ? lines() : undefined))
  const url = await addressOf(keypost)
  t.equal((await fetch(`${url}/readyz`)).status, 503)
  const doctor = await run(t, ['doctor'], env)
  t.equal(await doctor.exit, 1)
  t.equal(lines().length, 1, 'said once')
  t.notMatch(keypost.out() + keypost.err() + doctor.out(), new URL(env.REDIS_URL ?? '').password)
  return { problem: JSON.parse(line).problem as string, doctor: doctor.out() }
}

if (redisInstalled(t) && opensslInstalled(t)) {
  t.test('over TLS, with an authority of one’s own: submitted, waked for, settled', async (t) => {
    const { env, adminUrl, ca } = await overTls(t, ...ONE_WAY)
    // The processor is another process, so that what is submitted is heard of by a subscription.
    const [service, processor] = await Promise.all([
      run(t, [], { ...env, SUBSCRIBER: 'off' }),
      run(t, ['process'], env),
    ])
    const url = await addressOf(service)
    await until(async () => (await fetch(`${url}/readyz`)).status === 200)
    const ids = [await submit(url), await submit(url), await submit(url)]
    for (const id of ids) await until(async () => (await fetch(`${url}/results/${id}`)).status === 200)
    t.equal(processor.err(), '')
    t.equal(service.err(), '')

    const admin = new Redis(adminUrl, { tls: { ca } })
    t.teardown(() => admin.disconnect())
    t.match(
      await admin.client('LIST'),
      /name=keypost-subscriptions .*sub=1 /,
      'it hears of what is published',
    )
  })

  t.test('a Redis that cannot prove who it is gets nothing, and one line says why', async (t) => {
    const { env } = await overTls(t, ...ONE_WAY)
    const stranger = await refusal(t, { ...env, NODE_EXTRA_CA_CERTS: '' })
    t.match(stranger.problem, /self-signed certificate|unable to verify/)
    t.match(stranger.doctor, /✗ engine .*(self-signed certificate|unable to verify)/)

    const elsewhere = await refusal(t, { ...env, REDIS_URL: env.REDIS_URL.replace('localhost', '127.0.0.1') })
    t.match(elsewhere.problem, /does not match certificate/)
    t.match(elsewhere.doctor, /✗ engine .*does not match certificate/)
  })

  t.test('a Redis that wants a certificate of its clients is out of reach, and so it says', async (t) => {
    const { env } = await overTls(t)
    const { problem, doctor } = await refusal(t, env)
    // Its alert may come after the connection was cut.
    for (const said of [problem, doctor]) t.match(said, /certificate required|ECONNRESET/)
  })
}
