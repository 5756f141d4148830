import { type Static, Type } from 'typebox'
import { Id, LinesOf, Nullable, PageOf, Timestamp } from './common.js'
import { EventType, Subject, TopicName } from './event.js'
import * as examples from './examples.js'

export const ResultStatus = Type.Enum(['processed', 'dead'], {
  type: 'string',
  description: 'How the event ended: handled, or given up.',
})
export type ResultStatus = Static<typeof ResultStatus>

/** What a handler says of an event: a code, and facts that belong to it. */
export const Outcome = Type.Unsafe<Outcome>(
  Type.Object({ code: Type.String() }, { additionalProperties: Type.Unknown() }),
)
export type Outcome = { code: string; [fact: string]: unknown }

export const HandlerError = Type.Object(
  { code: Type.String(), message: Type.String() },
  { additionalProperties: false },
)
export type HandlerError = Static<typeof HandlerError>

/** The one terminal record of an event. Its id is the event's. */
export const Result = Type.Object(
  {
    id: Id,
    topic: TopicName,
    type: EventType,
    subject: Nullable(Subject),
    status: ResultStatus,
    handler: Type.String(),
    attempts: Type.Integer({
      minimum: 1,
      description: 'Since the event was published, redriven or replayed.',
    }),
    outcome: Nullable(Outcome),
    error: Nullable(HandlerError),
    publishedAt: Timestamp,
    finishedAt: Timestamp,
    latencyMs: Type.Integer({ minimum: 0, description: 'From published to finished.' }),
    replaces: Nullable({
      ...Id,
      description:
        'After a redrive or a replay: the event of `processing_results` that announced the result before.',
    }),
    durationMs: Type.Number({ minimum: 0, description: 'The last attempt of the handler.' }),
  },
  { $id: 'Result', additionalProperties: false, examples: [examples.result] },
)
export type Result = Static<typeof Result>

export const ResultPage = PageOf(Result, 'ResultPage')
export const ResultLines = LinesOf('Result', 'ResultLines', [examples.result])
