/** One thing that was looked at: `failed` needs mending, `warning` needs knowing. */
export interface Check {
  name: string
  level: 'ok' | 'warning' | 'failed'
  /** What was found. */
  detail: string
  /** What to do about it. */
  advice: string | null
}

export const ok = (name: string, detail: string): Check => ({ name, level: 'ok', detail, advice: null })
export const warning = (name: string, detail: string, advice: string): Check => ({
  name,
  level: 'warning',
  detail,
  advice,
})
export const failed = (name: string, detail: string, advice: string): Check => ({
  name,
  level: 'failed',
  detail,
  advice,
})

const SIGNS = { ok: '✓', warning: '!', failed: '✗' } as const

/** A check as people read it: a line, and one with what to do. */
export const lineOf = ({ name, level, detail, advice }: Check): string =>
  `${SIGNS[level]} ${name.padEnd(11)} ${detail}${advice === null ? '' : `\n  ${' '.repeat(11)} → ${advice}`}`

export const mebibytes = (bytes: number): number => Math.ceil(bytes / 2 ** 20)
