import { Type } from 'typebox'
import { paging, Timestamp } from './common.js'
import { EventType, Subject, TopicName } from './event.js'
import { ResultStatus } from './result.js'

/** Which events: what they are, and `since` ≤ their time < `until`. */
export const filters = {
  topic: Type.Optional(TopicName),
  type: Type.Optional(EventType),
  subject: Type.Optional(Subject),
  since: Type.Optional({ ...Timestamp, description: 'Not before this (RFC 3339).' }),
  until: Type.Optional({ ...Timestamp, description: 'Before this (RFC 3339).' }),
}

const order = {
  order: Type.Optional(
    Type.Enum(['asc', 'desc'], { type: 'string', default: 'desc', description: '`desc`: the newest first.' }),
  ),
}

/** GET /events: `since` ≤ `time` < `until`. */
export const EventQuery = Type.Object({ ...filters, ...order, ...paging }, { additionalProperties: false })

/** GET /results: `since` ≤ `finishedAt` < `until`. */
export const ResultQuery = Type.Object(
  { ...filters, ...order, status: Type.Optional(ResultStatus), ...paging },
  { additionalProperties: false },
)
