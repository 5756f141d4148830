import { Type } from 'typebox'
import { paging, Timestamp } from './common.js'
import { EventType, Subject, TopicName } from './event.js'
import { ResultStatus } from './result.js'

/** Which events: what they are, and `since` ≤ their time < `until`. */
export const filters = {
  topic: Type.Optional(TopicName),
  type: Type.Optional(EventType),
  subject: Type.Optional(Subject),
  since: Type.Optional(Timestamp),
  until: Type.Optional(Timestamp),
}

const order = {
  order: Type.Optional(Type.Enum(['asc', 'desc'], { type: 'string', default: 'desc' })),
}

/** GET /events: `since` ≤ `time` < `until`. */
export const EventQuery = Type.Object({ ...filters, ...order, ...paging }, { additionalProperties: false })

/** GET /results: `since` ≤ `finishedAt` < `until`. */
export const ResultQuery = Type.Object(
  { ...filters, ...order, status: Type.Optional(ResultStatus), ...paging },
  { additionalProperties: false },
)
