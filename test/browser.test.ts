import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'
import t from 'tap'
import { build } from './helper.js'

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
    t.match(await status.textContent(), /^202/)
    const { body } = await app.inject('/keys')
    t.equal(JSON.parse(body).items.length, 1)
    t.same(elsewhere, [])
    t.same(complaints, [])
  })
}
