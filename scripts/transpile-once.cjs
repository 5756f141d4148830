// What the tests load is TypeScript, and each test file is a process: without this, each of them would translate all of
// the sources anew, which takes longer than most tests. A translation is kept by everything that it depends on.
const { createHash, randomUUID } = require('node:crypto')
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const ts = require('typescript')

const FOLDER = join(__dirname, '../node_modules/.cache/transpiled')

/** For ts-node: see its documentation of third-party transpilers. */
exports.create = ({ service: { config } }) => {
  mkdirSync(FOLDER, { recursive: true })
  // These are modules (package.json says so), whichever file they are in.
  const compilerOptions = { ...config.options, module: ts.ModuleKind.ESNext }
  const common = JSON.stringify([ts.version, compilerOptions])

  return {
    transpile(input, { fileName }) {
      const file = join(
        FOLDER,
        createHash('sha256')
          .update(JSON.stringify([common, fileName, input]))
          .digest('hex'),
      )
      try {
        return JSON.parse(readFileSync(file, 'utf8'))
      } catch {
        const { outputText, sourceMapText } = ts.transpileModule(input, { fileName, compilerOptions })
        const output = { outputText, sourceMapText }
        // Several processes may write at once; each file appears whole.
        const own = `${file}.${randomUUID()}`
        writeFileSync(own, JSON.stringify(output))
        renameSync(own, file)
        return output
      }
    },
  }
}
