export type Kind = 'keys' | 'profiles'

/** One request to write, and what is known of it. */
export interface Write {
  /** The record's name after it: no other write gives this one. */
  name: string
  kind: Kind
  what: 'created' | 'updated' | 'revoked' | 'deleted'
  /** `unknown`: no answer came, or one that does not say. */
  state: 'acknowledged' | 'refused' | 'unknown'
  /** Of the record; null: a creation that was not acknowledged. */
  id: string | null
  eventId: string | null
  /** The fault under which it was sent. */
  under: string
}

/** All that was written since the data was last lost from outside. */
export class Ledger {
  writes: Write[] = []
  /** Also of what was cut away. */
  acknowledged = 0
  #epoch = 0

  /** A write begins: what it ends as is told to the answer, which forgets it if the ledger was cut meanwhile. */
  begin(): (write: Write) => void {
    const epoch = this.#epoch
    return (write) => {
      if (write.state === 'acknowledged') this.acknowledged++
      if (epoch === this.#epoch) this.writes.push(write)
    }
  }

  /** Nothing is promised of what was begun before. */
  cut(): void {
    this.#epoch++
    this.writes = []
  }
}
