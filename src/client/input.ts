import { type Static, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type ErrorItem, KeypostError } from '../errors.js'
import { IdParams } from '../schemas/common.js'
import { complaints } from '../schemas/complaints.js'
import { TopicName } from '../schemas/event.js'
import { EventInput } from '../schemas/event-input.js'
import { KeyPatch, KeySubmission } from '../schemas/key-input.js'
import { ProfileInput, ProfilePatch } from '../schemas/profile-input.js'

/**
 * What a program passes in is read as HTTP would carry it: as JSON, checked by the schemas of the API. Throws
 * invalid_request, which says where and why and never what.
 */
export const input = {
  keySubmission: reader(KeySubmission),
  keyPatch: reader(KeyPatch),
  profile: reader(ProfileInput),
  profilePatch: reader(ProfilePatch),
  event: reader(EventInput),
  id: reader(IdParams, 'path'),
  topic: reader(Type.Object({ topic: TopicName }), 'path'),
  /** Of a durable subscription: made like the name of a topic. */
  subscription: reader(
    Type.Object({ name: TopicName, leaseMs: Type.Integer({ minimum: 100, maximum: 86_400_000 }) }),
  ),
}

function reader<T extends TSchema>(schema: T, place: ErrorItem['in'] = 'body') {
  const compiled = Compile(schema)
  return (given: unknown): Static<T> => {
    const value = asJson(given, place)
    if (compiled.Check(value)) return value
    throw invalid(complaints(compiled.Errors(value), schema).map((item) => ({ in: place, ...item })))
  }
}

function asJson(given: unknown, place: ErrorItem['in']): unknown {
  try {
    return JSON.parse(JSON.stringify(given) ?? 'null')
  } catch {
    throw invalid([{ in: place, pointer: '', message: 'must be JSON' }])
  }
}

const invalid = (items: ErrorItem[]) => new KeypostError('invalid_request', 'The input is not valid.', items)
