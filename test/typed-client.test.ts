import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import openapiTypes, { astToString } from 'openapi-typescript'
import t, { type Test } from 'tap'
import ts from 'typescript'
import { defineHandler, testApp } from '../src/testing/index.js'
import { newKey } from './helper.js'
import { checkMessages } from './messages.js'

/** The programs, beside a client's types that are generated from the committed document. */
async function programs(t: Test): Promise<string> {
  const types = await openapiTypes(new URL('../openapi/openapi.yaml', import.meta.url))
  const folder = t.testdir({ 'api.d.ts': astToString(types) })
  await cp(new URL('typed-client', import.meta.url), folder, { recursive: true })
  return folder
}

/** Compiles the programs, and answers which of their lines are wrong. */
function compile(folder: string, files: string[]): Record<string, number[]> {
  const program = ts.createProgram(
    files.map((file) => join(folder, file)),
    {
      strict: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
      types: ['node'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
    },
  )
  program.emit()
  const wrong = files.map((file): [string, number[]] => [
    file,
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(join(folder, file)))
      .map(({ file, start = 0 }) => (file?.getLineAndCharacterOfPosition(start).line ?? -1) + 1),
  ])
  return Object.fromEntries(wrong)
}

t.test(
  'a client of the document compiles if it is right, and takes a key through its whole life',
  async (t) => {
    const folder = await programs(t)
    t.strictSame(
      compile(folder, ['lifecycle.ts', 'misspelt.ts']),
      { 'lifecycle.ts': [], 'misspelt.ts': [8, 9, 10, 11, 12, 13, 14, 18] },
      'the lines that do not compile',
    )

    let orders = 0
    const place = defineHandler({
      topic: 'orders',
      type: 'order.placed',
      handle: async () => {
        if (orders++ === 0) throw new Error('out of stock')
        return { code: 'placed' }
      },
    })
    const { app, settled, close } = await testApp({ handlers: [place], env: { MAX_ATTEMPTS: '1' } })
    t.teardown(close)
    const address = await app.listen({ host: '127.0.0.1', port: 0 })
    const { lifecycle } = await import(pathToFileURL(join(folder, 'lifecycle.js')).href)
    await lifecycle(address, newKey())
    await settled()
    await checkMessages(app.engine)
    t.equal(orders, 2, 'the redriven event was handled again')
  },
)
