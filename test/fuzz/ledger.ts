import type { Document } from './document.js'
import { bytesOf, type Draft } from './draft.js'
import { requestIdOf } from './oracle.js'
import { MARK } from './values.js'
import type { Answer } from './wire.js'

const MARKS = new RegExp(`${MARK}[a-z0-9]{12}`, 'g')
export const marksIn = (text: string): string[] => text.match(MARKS) ?? []

/** Of a message of a failure, at most. */
const SHOWN = 1500
/** Failures that are told; one fault makes many. */
const TOLD = 25

/** What was sent and what came of it. */
export class Ledger {
  requests = 0
  /** Requests that were not carried out for that, and sent again. */
  putOff = 0
  readonly failures: string[] = []
  /** Operation → status → count. */
  readonly counts = new Map<string, Map<string, number>>()
  /** Valid requests, and those that were carried out. */
  valid = { sent: 0, carriedOut: 0 }
  /** Events of acknowledged writes. */
  readonly events = new Set<string>()
  /** Ids of the requests that were refused, and the marks that only they carried. */
  readonly refused = new Set<string>()
  readonly #refusedMarks = new Set<string>()
  readonly #takenMarks = new Set<string>()

  constructor(
    private readonly seed: number,
    document: Document,
  ) {
    for (const { id } of document.operations) this.counts.set(id, new Map())
  }

  note(session: number, draft: Draft, answer: Answer | null, complaints: string[]): void {
    this.requests++
    const status = answer === null ? (draft.hangUp ? 'hung up' : 'closed') : String(answer.status)
    const name = draft.expect === 'torn' ? '(no HTTP)' : (draft.operation?.id ?? '(elsewhere)')
    const row = this.counts.get(name) ?? new Map<string, number>()
    row.set(status, (row.get(status) ?? 0) + 1)
    this.counts.set(name, row)
    if (draft.expect === 'fine') this.valid.sent++
    if (draft.expect === 'fine' && answer !== null && answer.status < 300) this.valid.carriedOut++
    const event = answer?.headers.get('keypost-event-id')?.[0]
    if (event !== undefined) this.events.add(event)
    this.#remember(draft, answer)
    if (complaints.length > 0) this.complain(session, draft, answer, complaints)
  }

  overloaded(): false {
    this.putOff++
    return false
  }

  complain(session: number, draft: Draft, answer: Answer | null, complaints: string[]): void {
    if (this.failures.length >= TOLD) return
    this.failures.push(
      [
        `FUZZ_SEED=${this.seed} FUZZ_ONLY=${session}: ${complaints.join('; ')}`,
        `made as: ${draft.what.join(', ') || 'a valid request'} (${draft.expect})`,
        shown(bytesOf(draft)),
        answer === null ? '(no answer)' : shown(Buffer.from(`${answer.head}\r\n\r\n${answer.body}`, 'utf8')),
      ].join('\n---\n'),
    )
  }

  /** The marks in a text that nothing may have but requests that were refused. */
  refusedIn(text: string): string[] {
    return marksIn(text).filter((mark) => this.#refusedMarks.has(mark) && !this.#takenMarks.has(mark))
  }

  #remember(draft: Draft, answer: Answer | null): void {
    const marks = marksIn(bytesOf(draft).toString())
    const refused = answer === null ? draft.hangUp === true : answer.status >= 400
    for (const mark of marks) (refused ? this.#refusedMarks : this.#takenMarks).add(mark)
    const id = requestIdOf(draft, answer)
    if (refused && id !== undefined) this.refused.add(id)
  }
}

const shown = (bytes: Buffer): string => {
  const text = bytes
    .toString('latin1')
    .replace(/[^\n -~]/g, (each) => `\\x${each.charCodeAt(0).toString(16)}`)
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length})` : text
}
