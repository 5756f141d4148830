import type { RecordKind } from '../engine.js'
import type { Range } from '../listing.js'
import { type Position, position } from '../positions.js'

/** Parts hold no NUL, which ends each part and so keeps the order of parts that of keys. */
const key = (...parts: (string | number)[]): Buffer => Buffer.from(parts.join('\0'))

/** Every name of the data file, and what stands under it. */
export const keys = {
  /** {version, partitions, placementKey, pepperIds} */
  layout: key('layout'),
  /** The name of the socket of the process that has the folder. */
  holder: key('holder'),

  /**
   * `log`: an event without its time. `results`: an announcement whose result lacks its times, and `delivered`
   * beside it.
   */
  entry: (stream: 'log' | 'results', partition: number, at: Position) => key(stream, partition, at),
  /** The position of an event in the log; kept as long as the event or its result. */
  event: (id: string) => key('event', id),
  /** The position of an announcement in the results. */
  announcement: (id: string) => key('announcement', id),
  /** The position in the results of the result of the event at `at`; kept as long as that. */
  done: (partition: number, at: Position) => key('done', partition, at),
  /** What became of the result at `at`: `superseded` or `discarded`. */
  mark: (partition: number, at: Position) => key('mark', partition, at),

  /** When an event of the open set is due, in milliseconds. */
  open: (partition: number, at: Position) => key('open', partition, at),
  /** The open set by that time; nothing. */
  due: (partition: number, ms: number, at: Position) => key('due', partition, position(ms, 0), at),
  /** The history of an event. */
  history: (partition: number, at: Position) => key('history', partition, at),
  watermark: (partition: number) => key('watermark', partition),

  record: (kind: RecordKind, id: string) => key('record', kind, id),
  /** Of the log, the results or the records; nothing. */
  index: (index: Range['index'], partition: number, term: string, sort: string) =>
    key('index', index, partition, term, sort),
  /** When it is forgotten in milliseconds (0: never), a space, its value. */
  claim: (partition: number, name: string) => key('claim', partition, name),
  /** The claims that will be forgotten, by time; nothing. */
  expiry: (ms: number, partition: number, name: string) => key('expiry', position(ms, 0), partition, name),
  /** The counters of a topic, and what of its events was swept (SweptCounters). */
  counters: (partition: number, topic: string) => key('counters', partition, topic),
  swept: (partition: number, topic: string) => key('swept', partition, topic),
  /** The last position of a stream whose entry was swept, a space, and how many were. */
  sweptTo: (stream: 'log' | 'results', partition: number) => key('swept-to', stream, partition),
  /** The last position given when something was swept. */
  clock: (partition: number) => key('clock', partition),
}

/** All keys that go on after these parts. */
export function under(...parts: (string | number)[]): { start: Buffer; end: Buffer } {
  const path = parts.join('\0')
  return { start: Buffer.from(`${path}\0`), end: Buffer.from(`${path}\u0001`) }
}

/** The last part of a key, and the others. */
export const partsOf = (key: Buffer): string[] => key.toString().split('\0')
export const lastPart = (key: Buffer): string => key.toString('utf8', key.lastIndexOf(0) + 1)
