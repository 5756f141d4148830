import { Type } from 'typebox'
import { paging, Timestamp } from './common.js'
import { EventType, Subject, TopicName } from './event.js'
import { ResultStatus } from './result.js'

const filters = {
  topic: Type.Optional(TopicName),
  type: Type.Optional(EventType),
  subject: Type.Optional(Subject),
  since: Type.Optional(Timestamp),
  until: Type.Optional(Timestamp),
  order: Type.Optional(Type.Enum(['asc', 'desc'], { type: 'string', default: 'desc' })),
}

/** GET /events: `since` ≤ `time` < `until`. */
export const EventQuery = Type.Object({ ...filters, ...paging }, { additionalProperties: false })

/** GET /results: `since` ≤ `finishedAt` < `until`. */
export const ResultQuery = Type.Object(
  { ...filters, status: Type.Optional(ResultStatus), ...paging },
  { additionalProperties: false },
)
