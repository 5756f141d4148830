import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { folder } from './helper.js'

/** The message of the error that the handler below throws, which may hold anything. */
export const MESSAGE = 'MARKER of a message'

/** For `HANDLERS`: a handler of thing.happened on the topic things which fails twice, with the code no_luck. */
export async function failingHandler(t: Test): Promise<string> {
  const path = await folder(t)
  await writeFile(
    join(path, 'failing.mjs'),
    `export default {
      topic: 'things',
      type: 'thing.happened',
      settings: { maxAttempts: 2, retryBaseMs: 1 },
      handle() {
        throw Object.assign(new Error('${MESSAGE}'), { code: 'no_luck' })
      },
    }`,
  )
  return path
}
