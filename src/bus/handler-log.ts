import type { Log } from './settings.js'

type Line = (...line: [message: string] | [facts: object, message?: string]) => void

/** What handlers write their lines to: facts and a message, or a message alone. */
export type HandlerLog = Record<keyof Log, Line>

/** Every line says which event it is about. */
export function logAbout(log: Log, about: object): HandlerLog {
  const at =
    (level: keyof Log): Line =>
    (first, message = '') =>
      typeof first === 'string' ? log[level](about, first) : log[level]({ ...first, ...about }, message)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
