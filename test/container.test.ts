import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { help } from '../src/commands/help.js'
import { Environment, loadConfig } from '../src/config.js'
import { addressOf, run } from './process.js'
import { freePort } from './redis-server.js'
import { API_TOKENS } from './tokens.js'

const at = (path: string) => new URL(`../${path}`, import.meta.url)
const textOf = (path: string) => readFileSync(at(path), 'utf8')
const dockerfile = textOf('Dockerfile')

interface Service {
  command: string[] | string
  environment?: Record<string, string | number>
  ports?: string[]
  networks?: string[]
  depends_on?: Record<string, unknown>
  healthcheck?: { test: string[] }
}
const compose: { services: Record<string, Service>; networks: Record<string, { internal?: boolean }> } =
  parse(textOf('compose.yaml'), { merge: true })

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
    const { environment = {}, command, networks, depends_on } = compose.services[name] ?? { command: [] }
    t.strictSame(
      Object.keys(environment).filter((variable) => !Object.hasOwn(Environment.properties, variable)),
      [],
    )
    for (const secret of ['KEY_PEPPER', 'API_TOKENS'])
      t.match(environment[secret], `\${${secret}:?`, 'from the environment, or it does not start')
    const given = Object.entries(environment).map(([variable, value]) => [variable, String(value)])
    const variables = { ...Object.fromEntries(given), KEY_PEPPER: 'p'.repeat(32) }
    t.equal(loadConfig({ ...variables, API_TOKENS }).HOST, '0.0.0.0', 'others on its network reach it')
    t.throws(() => loadConfig({ ...variables, API_TOKENS: '' }), /^HOST: without API_TOKENS/)
    t.equal(new URL(String(environment.REDIS_URL)).hostname, 'redis', 'as it is called on their network')
    t.ok(Object.hasOwn(help, command[0] ?? ''), 'a command')
    t.ok(networks?.includes('inside'))
    t.match(depends_on, { redis: { condition: 'service_healthy' } })
  }
  const { service, processor, redis } = compose.services
  t.strictSame(service?.ports, ['127.0.0.1:3000:3000'], 'the API alone, on loopback')
  t.equal(service?.environment?.PORT, 3000)
  for (const other of [processor, redis]) {
    t.equal(other?.ports, undefined)
    t.strictSame(other?.networks, ['inside'])
  }
  t.equal(compose.networks.inside?.internal, true)
  for (const option of ['--appendonly yes', '--appendfsync always', '--maxmemory-policy noeviction'])
    t.ok(redis?.command.includes(` ${option}`), option)
  t.ok(redis?.healthcheck)
})
