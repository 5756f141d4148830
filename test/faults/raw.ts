import type { Delivered } from '../../src/engines/engine.js'
import type { TopicCounters } from '../../src/schemas/topic.js'
import type { Kind } from './ledger.js'

/** What the checker wants to know of the stored data, whatever the engine. */
export interface Raw {
  /** Every entry of every log; in one partition in the order of the log. */
  log: RawEvent[]
  /** Every entry of the streams of results, likewise. */
  results: RawResult[]
  /** From an event's id to the position of its result. */
  resultOf: Map<string, string>
  /** The records that are not deleted. */
  records: { kind: Kind; id: string; version: number }[]
  counters: Record<string, TopicCounters>
  /** How many events wait in the open sets. */
  open: number
}

export interface RawEvent {
  id: string
  topic: string
  type: string
  subject: string
  /** That of the record. */
  name: string
}

export interface RawResult {
  /** Of the event. */
  id: string
  position: string
  partition: number
  topic: string
  status: string
  attempts: number
  code: string
  /** When its handler was called, in milliseconds, and the processor that called it. */
  startedAt: number
  processor: string
}

export interface StoredEvent {
  id: string
  topic: string
  type: string
  subject?: string
  data: { name?: string }
}

export interface StoredResult {
  id: string
  topic: string
  status: string
  attempts: number
  outcome: { code: string } | null
}

export const eventOf = ({ id, topic, type, subject = '', data }: StoredEvent): RawEvent => ({
  id,
  topic,
  type,
  subject,
  name: data.name ?? '',
})

export function resultOf(
  partition: number,
  position: string,
  { id, topic, status, attempts, outcome }: StoredResult,
  { at, processor }: Delivered,
): RawResult {
  const startedAt = Date.parse(at)
  return { id, position, partition, topic, status, attempts, code: outcome?.code ?? '', startedAt, processor }
}
