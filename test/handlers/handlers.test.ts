import t from 'tap'
import type { HandlerContext } from '../../src/bus/handler.js'
import type { Engine } from '../../src/engines/engine.js'
import { standardHandlers } from '../../src/handlers/index.js'
import { profileDeleted } from '../../src/handlers/profile-deleted.js'
import { onEachEngine, publisherOn, resultOf, subscribe } from '../bus/fixtures.js'
import { all } from '../engines/contract/fixtures.js'
import { newKey } from '../helper.js'
import { until } from '../until.js'

const partitions = { partitions: 3 }
const input = { name: 'Ada', email: 'ada@example.com' }
const nobody = '01890a5d-ac96-774b-bcce-b302099a8057'

const outcomeOf = async (engine: Engine, { eventId }: { eventId: string | null }) =>
  (await resultOf(engine, eventId ?? '')).outcome

const contextOf = (engine: Engine): HandlerContext => ({
  engine,
  publisher: publisherOn(engine),
  signal: new AbortController().signal,
  attempt: 1,
  log: { debug() {}, info() {}, warn() {}, error() {} },
})

const revocations = async (engine: Engine) => all(engine, 'events', { type: 'key.revoked' })

onEachEngine(
  t,
  'a key of a profile that does not exist, or that has expired, is rejected for all its reasons',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    subscribe(t, engine, standardHandlers)
    const both = { profileId: nobody, expiresAt: '2020-01-01T00:00:00Z' }
    const rejected = await publisher.submitKey({ key: newKey(), name: 'n', ...both })
    const reasons = ['expired', 'profile_not_found']
    t.strictSame(await outcomeOf(engine, rejected), { code: 'rejected', reasons })
    t.match(await engine.get('keys', rejected.record.id), { status: 'rejected', reasons, version: 2 })

    const { record } = await publisher.createProfile(input)
    const future = { profileId: record.id, expiresAt: '2999-01-01T00:00:00Z' }
    const accepted = await publisher.submitKey({ key: newKey(), name: 'n', ...future })
    t.strictSame(await outcomeOf(engine, accepted), { code: 'accepted' })
  },
  partitions,
)

onEachEngine(t, 'a key that is not pending any more keeps its status', async (t, engine) => {
  const publisher = publisherOn(engine)
  const submitted = await publisher.submitKey({ key: newKey(), name: 'n' })
  await publisher.revokeKey(submitted.record.id, null)
  subscribe(t, engine, standardHandlers)
  t.strictSame(await outcomeOf(engine, submitted), { code: 'recorded', status: 'revoked' })
  t.match(await engine.get('keys', submitted.record.id), { status: 'revoked', version: 2 })
})

onEachEngine(t, 'an update says what it changed; of a key that is gone, that', async (t, engine) => {
  const publisher = publisherOn(engine)
  const { record } = await publisher.submitKey({ key: newKey(), name: 'n' })
  const kept = await publisher.submitKey({ key: newKey(), name: 'n' })
  const lost = await publisher.updateKey(record.id, { name: 'x' }, null)
  await publisher.deleteKey(record.id, null)
  const update = await publisher.updateKey(kept.record.id, { name: 'x', metadata: { a: 'b' } }, null)
  const nothing = await publisher.updateKey(kept.record.id, { name: 'x' }, null)
  subscribe(t, engine, standardHandlers)
  t.strictSame(await outcomeOf(engine, lost), { code: 'gone' })
  t.strictSame(await outcomeOf(engine, update), { code: 'recorded', changed: ['name', 'metadata'] })
  t.strictSame(await outcomeOf(engine, nothing), { code: 'recorded', changed: [] })
})

onEachEngine(
  t,
  'when a profile is deleted each of its keys is revoked, once, however often that is handled',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    const { record: profile } = await publisher.createProfile(input)
    const { record: other } = await publisher.createProfile({ name: 'Bob', email: 'bob@example.com' })
    const submit = async (profileId: string) =>
      (await publisher.submitKey({ key: newKey(), name: 'n', profileId })).record.id
    const keys = await Promise.all(Array.from({ length: 5 }, () => submit(profile.id)))
    const before = await submit(profile.id)
    await publisher.revokeKey(before, null)
    const foreign = await submit(other.id)

    const { eventId } = await publisher.deleteProfile(profile.id, null)
    const event = await engine.get('events', eventId ?? '')
    if (event === null) throw new Error('no event')
    const expected = { outcome: { code: 'recorded', revokedKeys: 5 } }
    // Twice at once and once more, as after a crash or a lost lease.
    const context = contextOf(engine)
    await Promise.all([profileDeleted.handle(event, context), profileDeleted.handle(event, context)])
    t.strictSame(await profileDeleted.handle(event, context), expected)
    subscribe(t, engine, standardHandlers)
    t.strictSame(await outcomeOf(engine, { eventId }), expected.outcome)

    for (const id of keys)
      t.match(await engine.get('keys', id), { status: 'revoked', reasons: ['profile_deleted'], version: 2 })
    t.match(await engine.get('keys', before), { status: 'revoked', reasons: [], version: 2 })
    t.equal((await revocations(engine)).length, 6, 'one for each key')
    await until(async () => (await engine.get('keys', foreign))?.status === 'accepted')
  },
  partitions,
)

onEachEngine(
  t,
  'a profile with more keys than a page loses all of them',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    const { record } = await publisher.createProfile(input)
    const submissions = Array.from({ length: 230 }, () =>
      publisher.submitKey({ key: newKey(), name: 'n', profileId: record.id }),
    )
    await Promise.all(submissions)
    subscribe(t, engine, standardHandlers)
    const deleted = await publisher.deleteProfile(record.id, null)
    t.match(await outcomeOf(engine, deleted), { code: 'recorded' })
    await until(async () => (await engine.stats()).oldestUnfinishedAt === null)
    const left = (await all(engine, 'keys', {})).filter(
      ({ status }) => status !== 'revoked' && status !== 'rejected',
    )
    t.strictSame(left, [])
  },
  partitions,
)

onEachEngine(
  t,
  'a key that is given to a profile after that was deleted is revoked',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    const { record: profile } = await publisher.createProfile(input)
    subscribe(t, engine, standardHandlers)
    const key = await publisher.submitKey({ key: newKey(), name: 'n' })
    await outcomeOf(engine, key)
    await outcomeOf(engine, await publisher.deleteProfile(profile.id, null))
    const update = await publisher.updateKey(key.record.id, { profileId: profile.id }, null)
    t.strictSame(await outcomeOf(engine, update), {
      code: 'recorded',
      changed: ['profileId'],
      revoked: 'profile_not_found',
    })
    t.match(await engine.get('keys', key.record.id), {
      status: 'revoked',
      reasons: ['profile_not_found'],
    })
    t.equal((await revocations(engine)).length, 1)
  },
  partitions,
)
