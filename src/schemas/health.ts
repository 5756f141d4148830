import { type Static, Type } from 'typebox'

export const Alive = Type.Object(
  { status: Type.Literal('ok') },
  { $id: 'Alive', additionalProperties: false, examples: [{ status: 'ok' }] },
)

export const Check = Type.Object(
  { ok: Type.Boolean(), detail: Type.String({ description: 'What was found, for people.' }) },
  { additionalProperties: false },
)
export type Check = Static<typeof Check>

const ready = {
  engine: { ok: true, detail: 'answers' },
  subscriber: { ok: true, detail: 'polled 0.2 s ago' },
}

export const Readiness = Type.Object(
  {
    status: Type.Enum(['ok', 'unavailable'], { type: 'string' }),
    checks: Type.Object({ engine: Check, subscriber: Check }, { additionalProperties: false }),
  },
  { $id: 'Readiness', additionalProperties: false, examples: [{ status: 'ok', checks: ready }] },
)
