import { type ErrorCode, errors } from '../errors.js'

/**
 * One story, told by the examples of all schemas: a profile, a key that was submitted for it, the event that
 * said so, and its result.
 */
export const profile = {
  id: '0192f0c1-2a3b-7c4d-8e5f-0a1b2c3d4e5f',
  name: 'Ada',
  email: 'ada@example.com',
  metadata: { team: 'engines' },
  version: 1,
  createdAt: '2026-01-31T12:00:00.000Z',
  updatedAt: '2026-01-31T12:00:00.000Z',
}

export const key = {
  id: '0192f0c1-3b4c-7d5e-9f60-1b2c3d4e5f60',
  name: 'deploys',
  status: 'pending' as const,
  masked: '****wxyz',
  fingerprint: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  provider: null,
  format: null,
  reasons: [],
  warnings: [],
  duplicateOf: null,
  profileId: profile.id,
  expiresAt: '2027-01-31T12:00:00.000Z',
  metadata: { env: 'production' },
  version: 1,
  createdAt: '2026-01-31T12:00:00.000Z',
  updatedAt: '2026-01-31T12:00:00.000Z',
}

export const event = {
  specversion: '1.0' as const,
  id: '0192f0c1-3b4c-7d5e-9f60-2c3d4e5f6071',
  source: '/keypost',
  type: 'key.submitted',
  subject: `keys/${key.id}`,
  time: '2026-01-31T12:00:00.000Z',
  topic: 'key_submission',
  data: key,
}

export const eventInput = { type: 'order.placed', subject: 'orders/17', data: { total: 42 } }

export const cloudEventInput = {
  specversion: '1.0' as const,
  id: 'a-17',
  source: '/shop',
  ...eventInput,
}

export const acceptedEvent = {
  id: '0192f0c1-6e7f-7091-a2b3-5f6071829300',
  topic: 'orders',
  type: eventInput.type,
  subject: eventInput.subject,
  time: event.time,
}

export const result = {
  id: event.id,
  topic: event.topic,
  type: event.type,
  subject: event.subject,
  status: 'processed' as const,
  handler: 'key_submission/key.submitted',
  attempts: 1,
  outcome: { code: 'accepted' },
  error: null,
  publishedAt: event.time,
  finishedAt: '2026-01-31T12:00:00.012Z',
  latencyMs: 12,
  replaces: null,
  durationMs: 0.8,
}

export const failure = { code: 'handler_failed', message: 'the provider did not answer' }

export const deadLetter = {
  id: event.id,
  topic: event.topic,
  type: event.type,
  subject: event.subject,
  error: failure,
  handler: 'key_submission/key.submitted',
  attempts: [
    { at: '2026-01-31T12:00:00.020Z', processor: 'api-1', error: failure },
    { at: '2026-01-31T12:00:00.750Z', processor: 'api-2', error: failure },
  ],
  publishedAt: event.time,
  diedAt: '2026-01-31T12:00:00.752Z',
  redrives: 0,
  event,
}

export const timeline = {
  items: [
    { at: event.time, what: 'published' as const },
    { at: '2026-01-31T12:00:00.004Z', what: 'delivered' as const, attempt: 1, processor: 'api-1' },
    {
      at: '2026-01-31T12:00:00.020Z',
      what: 'failed' as const,
      attempt: 1,
      processor: 'api-1',
      error: failure,
    },
    { at: '2026-01-31T12:00:00.740Z', what: 'retry' as const, attempt: 2 },
    { at: '2026-01-31T12:00:00.741Z', what: 'delivered' as const, attempt: 2, processor: 'api-2' },
    { at: '2026-01-31T12:00:00.750Z', what: 'processed' as const },
  ],
}

export const replay = {
  id: '0192f0c1-5d6e-7f80-a192-4e5f60718293',
  topic: event.topic,
  types: [event.type],
  since: '2026-01-31T00:00:00.000Z',
  until: '2026-02-01T00:00:00.000Z',
  status: 'running' as const,
  found: 120,
  replayed: 118,
  skipped: 2,
  createdAt: '2026-02-01T08:00:00.000Z',
  finishedAt: null,
}

export const problemOf = (code: ErrorCode) => ({
  type: `urn:keypost:problem:${code}`,
  title: errors[code].title,
  status: errors[code].status,
  detail: code === 'invalid_request' ? 'The request does not fit its schema.' : `${errors[code].title}.`,
  instance: 'urn:uuid:4d5e6f70-8192-4a3b-8c4d-5e6f708192a3',
  code,
  errors:
    code === 'invalid_request' ? [{ in: 'body' as const, pointer: '/name', message: 'is required' }] : [],
  requestId: '0192f0c1-4c5d-7e6f-8091-3d4e5f607182',
})
