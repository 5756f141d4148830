import type { Layout } from '../engine.js'
import { Misconfigured, Unavailable } from '../errors.js'
import { type BootOptions, boot, layoutOf } from './boot.js'
import type { Store } from './store.js'

/** A server that is up answers well within this; one that is not must not hold up the start. */
const FIRST_ANSWER_MS = 2000
/** Between two tries on a connection that stays up while the server is not able to answer yet. */
const AGAIN_MS = 500

/**
 * Whether this process may work with the data. It is shut until the checks have passed once. They are made
 * whenever the connection is ready, so after every outage too; what they find wrong after the start is fatal,
 * since the data may then be another's.
 */
export class Gate {
  #layout: Layout | null = null
  #timer: NodeJS.Timeout | undefined
  #answered: (error: Error | null) => void = () => {}
  readonly #first: Promise<Error | null>
  #started = false

  constructor(
    private readonly store: Store,
    private readonly options: BootOptions,
    private readonly onFatal: (error: Error) => void,
    private readonly onPassed: () => void,
  ) {
    this.#first = new Promise((resolve) => {
      this.#answered = resolve
    })
    const { commands } = store.connections
    commands.on('ready', this.#check)
    if (commands.status === 'ready') this.#check()
  }

  /** @throws Unavailable while it is shut */
  get layout(): Layout {
    if (this.#layout !== null) return this.#layout
    const { address, problem } = this.store.connections
    throw new Unavailable(`Redis at ${address} is not ready: ${problem() ?? 'not checked yet'}`)
  }

  /** 0 while it is shut. */
  get partitions(): number {
    return this.#layout?.partitions ?? 0
  }

  /**
   * Waits a little for the first checks.
   * @throws Misconfigured when they did not pass
   */
  async firstAnswer(): Promise<void> {
    const timer = setTimeout(this.#answered, FIRST_ANSWER_MS, null)
    const error = await this.#first
    clearTimeout(timer)
    this.#started = true
    if (error !== null) throw error
  }

  /** Sees that the data still has the layout that this process works with, and gives it back if it was lost. */
  async keepLayout(): Promise<void> {
    try {
      await layoutOf(this.store, this.options, this.layout)
    } catch (error) {
      this.#failed(error)
      throw error
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.store.connections.commands.off('ready', this.#check)
  }

  readonly #check = async (): Promise<void> => {
    clearTimeout(this.#timer)
    try {
      this.#layout = await boot(this.store, this.options, this.#layout)
      this.#answered(null)
      this.onPassed()
    } catch (error) {
      if (!this.#failed(error) && this.store.connections.commands.status === 'ready')
        this.#timer = setTimeout(this.#check, AGAIN_MS).unref()
    }
  }

  /** Shuts the gate for what waiting does not mend, and says whether it was that. */
  #failed(error: unknown): boolean {
    if (error instanceof Unavailable) return false
    this.#layout = null
    const reason =
      error instanceof Misconfigured
        ? error
        : new Misconfigured(`Redis does not work as expected: ${messageOf(error)}`)
    if (this.#started) this.onFatal(reason)
    else this.#answered(reason)
    return true
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : 'no reason given')
