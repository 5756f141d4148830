import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { help } from '../src/commands/help.js'
import { Environment, loadConfig } from '../src/config.js'
import { addressOf, run } from './process.js'
import { freePort } from './redis-server.js'

const at = (path: string) => new URL(`../${path}`, import.meta.url)
const textOf = (path: string) => readFileSync(at(path), 'utf8')
const dockerfile = textOf('Dockerfile')

interface Service {
  command: string[] | string
  environment?: Record<string, string | number>
  network_mode?: string
  depends_on?: Record<string, unknown>
  healthcheck?: { test: string[] }
}
const compose: { services: Record<string, Service>; volumes: Record<string, object> } = parse(
  textOf('compose.yaml'),
  { merge: true },
)

t.test('what the image is built from is there, and not ignored', async (t) => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
    files.split(' '),
  )
  const kept = [...textOf('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path = '']) => path)
  t.strictSame([...copied].sort(), kept.sort())
  for (const path of copied) t.ok(existsSync(at(path)), path)
  const { include } = JSON.parse(textOf('tsconfig.build.json'))
  for (const folder of include) t.ok(copied.includes(folder), `${folder} is compiled`)
})

t.test('the image runs as a user without rights, and starts what is built', async (t) => {
  const [, final = ''] = dockerfile.split(/^FROM .*$/m).slice(1)
  t.match(final, /^USER node$/m)
  t.ok(final.indexOf('USER node') > final.lastIndexOf('RUN '))
  t.match(final, /^VOLUME \/data$/m)
  const { bin } = JSON.parse(textOf('package.json'))
  t.match(final, `"${bin.keypost}"]`)
})

t.test('its health check is 0 while Keypost is ready, else 1', async (t) => {
  const [, json = ''] = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(dockerfile) ?? []
  const [command = '', ...args]: string[] = JSON.parse(json)
  const healthy = async (PORT: string) => {
    const [code] = await once(spawn(command, args, { env: { ...process.env, PORT } }), 'exit')
    return code
  }
  const url = await addressOf(await run(t, []))
  t.equal(await healthy(new URL(url).port), 0)
  t.equal(await healthy(String(await freePort())), 1)
})

t.test('compose gives Keypost what it knows, and what it starts with', async (t) => {
  for (const name of ['service', 'processor']) {
    const { environment = {}, command, network_mode, depends_on } = compose.services[name] ?? { command: [] }
    t.strictSame(
      Object.keys(environment).filter((variable) => !Object.hasOwn(Environment.properties, variable)),
      [],
    )
    t.match(environment.KEY_PEPPER, /^\$\{KEY_PEPPER:\?/, 'from the environment, or it does not start')
    const given = Object.entries(environment).map(([variable, value]) => [variable, String(value)])
    t.doesNotThrow(() => loadConfig({ ...Object.fromEntries(given), KEY_PEPPER: 'p'.repeat(32) }))
    t.ok(Object.hasOwn(help, command[0] ?? ''), 'a command')
    t.equal(network_mode, 'host', 'it listens on loopback, so it must be that of the machine')
    t.match(depends_on, { redis: { condition: 'service_healthy' } })
  }
  const { service, processor, redis } = compose.services
  t.not(service?.environment?.PORT, processor?.environment?.PORT)
  for (const option of [
    '--bind 127.0.0.1',
    '--appendonly yes',
    '--appendfsync always',
    '--maxmemory-policy noeviction',
  ])
    t.ok(redis?.command.includes(` ${option}`), option)
  t.ok(redis?.healthcheck)
})
