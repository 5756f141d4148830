import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { Misconfigured } from '../errors.js'

/** The files by which a folder is known to be Keypost's. */
export const DATA_FILE = 'keypost.mdb'
export const PEPPER_FILE = 'pepper'

/**
 * Makes the folder, readable by its owner alone. One that others can read is closed to them if it is empty or
 * Keypost's; closing a folder that others use would do harm.
 * @throws Misconfigured
 */
export async function privateFolder(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    if (((await stat(dataDir)).mode & 0o077) === 0) return
    const names = await readdir(dataDir)
    if (names.length > 0 && !names.includes(DATA_FILE) && !names.includes(PEPPER_FILE))
      throw new Misconfigured(
        `DATA_DIR ${dataDir} holds other files and is open to other users: give Keypost its own`,
      )
    await chmod(dataDir, 0o700)
  } catch (error) {
    if (error instanceof Misconfigured) throw error
    throw new Misconfigured(`DATA_DIR ${dataDir} cannot be used: ${(error as Error).message}`)
  }
}
