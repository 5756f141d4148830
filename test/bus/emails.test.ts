import { randomInt } from 'node:crypto'
import t from 'tap'
import { emailClaim, emailPlacement } from '../../src/domain/profiles.js'
import type { Engine } from '../../src/engines/engine.js'
import { Unavailable } from '../../src/engines/errors.js'
import { all, claimed } from '../engines/contract/fixtures.js'
import { failing, gate, onEachEngine, over, publisherOn } from './fixtures.js'

const taken = { code: 'email_taken' }
const name = 'Ada'

const claimOn = (engine: Engine, email: string) =>
  claimed(engine, emailPlacement(email, engine.layout.placementKey), emailClaim(email))

onEachEngine(
  t,
  'an email belongs to one profile, whatever the case of its letters',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    const { record: ada } = await publisher.createProfile({ name, email: 'Ada@Example.com' })
    t.equal(ada.email, 'Ada@Example.com', 'kept as it was given')
    await t.rejects(publisher.createProfile({ name, email: 'ADA@example.COM' }), taken)
    const { record: bob } = await publisher.createProfile({ name, email: 'bob@example.com' })
    await t.rejects(publisher.updateProfile(bob.id, { email: 'ada@example.com' }, null), taken)
    await t.rejects(publisher.replaceProfile(bob.id, { name, email: 'aDa@example.com' }, null), taken)
    const { record } = await publisher.updateProfile(ada.id, { email: 'ada@example.com' }, null)
    t.equal(record.email, 'ada@example.com', 'its own in other letters')
    await t.rejects(publisher.createProfile({ name, email: 'ada@example.com' }), taken)
  },
  { partitions: 3 },
)

onEachEngine(
  t,
  'of those who want an email at once, one gets it',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    const { record: bob } = await publisher.createProfile({ name, email: 'bob@example.com' })
    const email = 'wanted@example.com'
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 8 }, () => publisher.createProfile({ name, email })),
      publisher.updateProfile(bob.id, { email }, null),
    ])
    t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const outcome of outcomes) if (outcome.status === 'rejected') t.match(outcome.reason, taken)
    t.equal((await all(engine, 'profiles', { email })).length, 1)
  },
  { partitions: 3 },
)

onEachEngine(
  t,
  'a profile that changes its email, or is deleted, frees the old one',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    const { record: ada } = await publisher.createProfile({ name, email: 'first@example.com' })
    await publisher.updateProfile(ada.id, { email: 'second@example.com' }, null)
    t.equal(await claimOn(engine, 'first@example.com'), null)
    await publisher.createProfile({ name, email: 'first@example.com' })
    await t.rejects(publisher.createProfile({ name, email: 'second@example.com' }), taken)
    await publisher.deleteProfile(ada.id, null)
    t.equal(await claimOn(engine, 'second@example.com'), null)
    await publisher.createProfile({ name, email: 'second@example.com' })
  },
  { partitions: 3 },
)

onEachEngine(
  t,
  'one who asks twice at once for the same email gets it',
  async (t, engine) => {
    const publisher = publisherOn(engine)
    for (let i = 0; i < 10; i++) {
      const { record } = await publisher.createProfile({ name, email: `old${i}@example.com` })
      const email = `new${i}@example.com`
      const same = () => publisher.updateProfile(record.id, { email }, null)
      for (const { record: after } of await Promise.all([same(), same(), same()])) t.equal(after.email, email)
    }
  },
  { partitions: 3 },
)

onEachEngine(
  t,
  'an email that a crashed attempt has claimed can be had',
  async (t, engine) => {
    const { record: bob } = await publisherOn(engine).createProfile({ name, email: 'bob@example.com' })
    const email = 'wanted@example.com'
    const crashing = over(engine, { commit: () => Promise.reject(new Unavailable('it crashed')) })
    await t.rejects(publisherOn(crashing).updateProfile(bob.id, { email }, null), { name: 'Unavailable' })
    t.match(await claimOn(engine, email), bob.id, 'the claim is left behind')
    await publisherOn(engine).createProfile({ name, email })
    t.match(await engine.get('profiles', bob.id), { email: 'bob@example.com', version: 1 })
    await t.rejects(publisherOn(engine).createProfile({ name, email: 'bob@example.com' }), taken)
  },
  { partitions: 3 },
)

onEachEngine(
  t,
  'an email whose release was lost can be had',
  async (t, engine) => {
    const { record: bob } = await publisherOn(engine).createProfile({ name, email: 'bob@example.com' })
    const crashing = over(engine, {
      swap: (placement, claim) =>
        claim.from !== null && claim.to === null
          ? Promise.reject(new Unavailable('it crashed'))
          : engine.swap(placement, claim),
    })
    await publisherOn(crashing).updateProfile(bob.id, { email: 'robert@example.com' }, null)
    t.match(await claimOn(engine, 'bob@example.com'), bob.id, 'the claim is left behind')
    await publisherOn(engine).createProfile({ name, email: 'bob@example.com' })
    await t.rejects(publisherOn(engine).createProfile({ name, email: 'robert@example.com' }), taken)
  },
  { partitions: 3 },
)

onEachEngine(
  t,
  'an attempt whose claim was taken over can never commit',
  async (t, engine) => {
    const { record: bob } = await publisherOn(engine).createProfile({ name, email: 'bob@example.com' })
    const email = 'wanted@example.com'
    const [claimedIt, goOn] = [gate(), gate()]
    const slow = over(engine, {
      commit: async (change) => {
        claimedIt.open()
        await goOn.opened
        return engine.commit(change)
      },
    })
    const late = publisherOn(slow).updateProfile(bob.id, { email }, null)
    late.catch(() => {})
    await claimedIt.opened
    const { record: winner } = await publisherOn(engine).createProfile({ name, email })
    goOn.open()
    await t.rejects(late, taken)
    t.strictSame(
      (await all(engine, 'profiles', { email })).map(({ id }) => id),
      [winner.id],
    )
    t.match(await engine.get('profiles', bob.id), { email: 'bob@example.com', version: 1 })
  },
  { partitions: 3 },
)

/** Everything that may be answered while others change the same. */
const expected = new Set(['email_taken', 'not_found', 'conflict'])

onEachEngine(
  t,
  'whoever races and crashes, an email is never held by two, and never lost',
  async (t, engine) => {
    const emails = ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com']
    const unsure = publisherOn(failing(engine, 10))
    const any = <T>(list: T[]): T => list[randomInt(list.length)] as T
    const ids: string[] = []
    const step = async () => {
      const email = any(emails)
      const chance = randomInt(10)
      if (ids.length === 0 || chance < 3) ids.push((await unsure.createProfile({ name, email })).record.id)
      else if (chance < 8) await unsure.updateProfile(any(ids), { email }, null)
      else await unsure.deleteProfile(any(ids), null)
    }
    for (let round = 0; round < 15; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, step))
      for (const outcome of outcomes)
        if (outcome.status === 'rejected' && !(outcome.reason instanceof Unavailable))
          t.ok(expected.has(outcome.reason.code), outcome.reason.message)
      const held = (await all(engine, 'profiles', {})).map(({ email }) => email)
      t.equal(new Set(held).size, held.length, `round ${round}: ${held.join()}`)
    }
    const publisher = publisherOn(engine)
    const held = new Set((await all(engine, 'profiles', {})).map(({ email }) => email))
    for (const email of emails) {
      if (held.has(email)) await t.rejects(publisher.createProfile({ name, email }), taken)
      else await publisher.createProfile({ name, email })
    }
  },
  { partitions: 3 },
)
