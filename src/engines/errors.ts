/** The infrastructure failed: nothing is known of the call, and making it again is safe. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

export type Expectation =
  | { what: 'version'; id: string }
  | { what: 'missing'; id: string }
  | { what: 'claim'; claim: string; found: string | null }
  | { what: 'aborted' }

/** An expectation of a change did not hold, so nothing of it was written. */
export class Conflict extends Error {
  override readonly name = 'Conflict'
  constructor(readonly expectation: Expectation) {
    super(`the change expected otherwise: ${expectation.what}`)
  }
}

/** The partition is another's now: what was in hand there must be dropped. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
  constructor(readonly partition: number) {
    super(`partition ${partition} is leased to another processor`)
  }
}

/** A cursor that this list did not give. */
export class BadCursor extends Error {
  override readonly name = 'BadCursor'
}

/** The data or its server is not what the configuration says; starting would do harm. One line for people. */
export class Misconfigured extends Error {
  override readonly name = 'Misconfigured'
}
