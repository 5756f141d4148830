import { partitionKeys } from '../../src/engines/redis/keys.js'
import { until } from '../until.js'
import { backend, type Fault, redisOnly } from './fault.js'
import type { Load } from './load.js'
import type { Rig } from './rig.js'

/** Requests go on being answered, well or not. */
const goesOn = (load: Load, requests = 8) => {
  const before = load.tried
  return until(() => load.tried >= before + requests, 20_000)
}

const fails = (load: Load, requests = 1) => {
  const before = load.failed
  return until(() => load.failed >= before + requests, 20_000)
}

const each = (names: (keys: ReturnType<typeof partitionKeys>) => string[]) =>
  Array.from({ length: 8 }, (_, partition) => names(partitionKeys(partition))).flat()

const fault = (name: string, inject: Fault['inject']): Fault => ({
  name,
  engines: redisOnly,
  setting: 'plain',
  inject,
})

async function killClients(rig: Rig, kind: RegExp): Promise<void> {
  const { client } = backend(rig)
  const list = String(await client.client('LIST'))
  for (const line of list.split('\n')) {
    const id = /^id=(\d+)/.exec(line)?.[1]
    if (id !== undefined && kind.test(line)) await client.client('KILL', 'ID', id).catch(() => {})
  }
}

/** Leaves something out of the data, in every partition. */
const deleted = (
  name: string,
  keys: (keys: ReturnType<typeof partitionKeys>) => string[],
  there: (rig: Rig) => Promise<boolean> | boolean = () => true,
): Fault =>
  fault(`a deleted ${name}`, async (rig) => {
    await until(() => there(rig))
    await backend(rig).client.del(...each(keys))
    return () => {}
  })

async function waiting(rig: Rig): Promise<boolean> {
  const counts = await Promise.all(
    each(({ openOrder }) => [openOrder]).map((key) => backend(rig).client.zcard(key)),
  )
  return counts.some((count) => count > 0)
}

export const redisFaults: Fault[] = [
  fault('kill -9 of Redis', async (rig, load) => {
    const { server } = backend(rig)
    await server.kill()
    await fails(load)
    return () => server.start()
  }),
  fault('CLIENT KILL storm', async (rig, load) => {
    for (const kind of [
      /name=keypost /,
      /name=keypost-sub/,
      /name=keypost/,
      /name=keypost/,
      /name=keypost /,
    ]) {
      await killClients(rig, kind)
      await goesOn(load)
    }
    return () => {}
  }),
  fault('CLIENT PAUSE', async (rig) => {
    const { client } = backend(rig)
    await client.client('PAUSE', 1500)
    return () => client.ping()
  }),
  fault('DEBUG SLEEP', async (rig) => {
    const asleep = backend(rig).client.call('DEBUG', 'SLEEP', '1.5')
    return () => asleep
  }),
  fault('maxmemory, noeviction', async (rig, load) => {
    const { client } = backend(rig)
    await client.config('SET', 'maxmemory', '1mb')
    await fails(load, 20)
    return () => client.config('SET', 'maxmemory', '0')
  }),
  fault('FLUSHALL', async (rig) => {
    await backend(rig).client.flushall()
    rig.ledger.cut()
    return () => {}
  }),
  deleted('lease', ({ lease }) => [lease]),
  deleted('watermark', ({ watermark }) => [watermark]),
  deleted('open set', ({ due, openOrder }) => [due, openOrder], waiting),
]

const network = (name: string, inject: Fault['inject']): Fault => ({
  name,
  engines: redisOnly,
  setting: 'network',
  inject,
})

function proxyOf(rig: Rig) {
  const { network } = backend(rig)
  if (network === null) throw new Error('this fault needs the proxy')
  return network
}

export const networkFaults: Fault[] = [
  network('a lost reply', async (rig, load) => {
    const proxy = proxyOf(rig)
    for (const pattern of [/key\.submitted/, /event\.processed/, /key\.updated/, /profile\.created/]) {
      const { lost } = proxy
      proxy.loseReplyTo(pattern)
      await until(() => proxy.lost > lost)
      await goesOn(load, 1)
    }
    return () => {}
  }),
  network('half-open connections', async (rig, load) => {
    const proxy = proxyOf(rig)
    proxy.freeze()
    await fails(load)
    return () => proxy.thaw()
  }),
  network('200 ms latency with jitter', async (rig, load) => {
    const proxy = proxyOf(rig)
    proxy.delay(200, 100)
    await goesOn(load, 48)
    return () => proxy.delay(0, 0)
  }),
  network('cut connections', async (rig, load) => {
    for (let times = 0; times < 5; times++) {
      proxyOf(rig).cut()
      await goesOn(load)
    }
    return () => {}
  }),
]
