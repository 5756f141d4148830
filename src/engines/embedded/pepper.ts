import { randomBytes } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Misconfigured } from '../errors.js'
import { PEPPER_FILE, privateFolder } from './folder.js'

/** Shorter ones could be guessed. */
const MIN_LENGTH = 32

/**
 * The pepper that is kept in the folder, made at the first call: 43 characters, 256 bits. Two processes that
 * make one at the same time get the same one, and a crash leaves none or a whole one.
 * @throws Misconfigured
 */
export async function pepperIn(dataDir: string): Promise<string> {
  await privateFolder(dataDir)
  const path = join(dataDir, PEPPER_FILE)
  const pepper = (await read(path)) ?? (await make(path))
  if (pepper.length < MIN_LENGTH)
    throw new Misconfigured(`the pepper in ${path} has less than ${MIN_LENGTH} characters`)
  return pepper
}

async function read(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw new Misconfigured(`the pepper cannot be read: ${(error as Error).message}`)
  }
}

async function make(path: string): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(`${randomBytes(32).toString('base64url')}\n`)
    await file.sync()
    await link(draft, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
  } finally {
    await file.close()
    await rm(draft)
  }
  return (await readFile(path, 'utf8')).trim()
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code
