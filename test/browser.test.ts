import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'
import t from 'tap'
import { build } from './helper.js'
import { API_TOKENS, TOKENS } from './tokens.js'

/** A Chromium of this machine: `CHROMIUM`, or one on the PATH. */
const executablePath = [
  process.env.CHROMIUM ?? '',
  ...(process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => [
      join(folder, 'chromium'),
      join(folder, 'chromium-browser'),
      join(folder, 'google-chrome'),
    ]),
].find((path) => path !== '' && existsSync(path))

const args = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
]

if (executablePath === undefined && process.env.REQUIRE_BROWSER !== '1') {
  t.pass('NOT TESTED: Swagger UI, as there is no Chromium (set CHROMIUM to its path)')
} else {
  t.test('"Try it out" in Swagger UI submits a key, with nothing fetched from elsewhere', async (t) => {
    const app = await build(t)
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    const browser = await chromium.launch({ ...(executablePath && { executablePath }), args })
    t.teardown(() => browser.close())
    const page = await browser.newPage()
    const elsewhere: string[] = []
    const complaints: string[] = []
    page.on('request', (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
        elsewhere.push(request.url())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })

    await page.goto(`${origin}/docs`)
    const operation = page.locator('.opblock-post', { has: page.locator('[data-path="/keys"]') })
    await operation.locator('.opblock-summary').click()
    await operation.getByRole('button', { name: 'Try it out' }).click()
    await operation.getByRole('button', { name: 'Execute' }).click()
    const status = operation.locator('.live-responses-table .response .response-col_status')
    await status.waitFor()
    t.match(await status.textContent(), /^20[12]/)
    const { body } = await app.inject('/keys')
    t.equal(JSON.parse(body).items.length, 1)
    t.same(elsewhere, [])
    t.same(complaints, [])
  })

  t.test(
    '"Execute" with nothing filled in reads every list, and submits a key that is not waited for',
    async (t) => {
      const app = await build(t)
      const origin = await app.listen({ port: 0, host: '127.0.0.1' })
      const browser = await chromium.launch({ ...(executablePath && { executablePath }), args })
      t.teardown(() => browser.close())
      const page = await browser.newPage()
      await page.goto(`${origin}/docs`)
      const { paths } = (await app.inject('/openapi.json')).json()
      const lists = Object.keys(paths).filter(
        (path) => paths[path].get?.parameters && !/\{|stream$/.test(path),
      )
      t.ok(lists.length >= 5, 'they are found')
      const calls = [...lists.map((path) => ['get', path, 200] as const), ['post', '/keys', 202] as const]
      for (const [method, path, status] of calls) {
        const operation = page.locator(`.opblock-${method}`, { has: page.locator(`[data-path="${path}"]`) })
        await operation.locator('.opblock-summary').click()
        await operation.getByRole('button', { name: 'Try it out' }).click()
        const [answer] = await Promise.all([
          page.waitForResponse((response) => new URL(response.url()).pathname === path),
          operation.getByRole('button', { name: 'Execute' }).click(),
        ])
        t.equal(answer.status(), status, `${method} ${path}`)
      }
    },
  )

  t.test('"Authorize" in Swagger UI sends the token, and forgets it with the page', async (t) => {
    const app = await build(t, { API_TOKENS })
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    const browser = await chromium.launch({ ...(executablePath && { executablePath }), args })
    t.teardown(() => browser.close())
    const page = await browser.newPage()
    const operation = page.locator('.opblock-get', { has: page.locator('[data-path="/stats"]') })
    const open = async () => {
      await page.goto(`${origin}/docs`)
      await operation.locator('.opblock-summary-control').click()
      await operation.getByRole('button', { name: 'Try it out' }).click()
    }
    const execute = async () => {
      const [answer] = await Promise.all([
        page.waitForResponse((response) => new URL(response.url()).pathname === '/stats'),
        operation.getByRole('button', { name: 'Execute' }).click(),
      ])
      return answer.status()
    }

    await open()
    t.equal(await execute(), 401)
    await page.locator('.auth-wrapper').getByRole('button', { name: 'Authorize' }).click()
    const dialog = page.locator('.modal-ux')
    await dialog.locator('input').fill(TOKENS.read)
    await dialog.getByRole('button', { name: 'Apply credentials' }).click()
    await dialog.getByRole('button', { name: 'Close' }).first().click()
    t.equal(await execute(), 200)

    t.notMatch(await page.evaluate('JSON.stringify([{ ...localStorage }, document.cookie])'), TOKENS.read)
    await open()
    t.equal(await execute(), 401)
  })
}
