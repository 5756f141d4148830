interface About {
  topic: string
  type: string
}

/** Is told how events get on in this process, for statistics. What it does must be cheap, and must not throw. */
export interface Observer {
  published(event: About): void
  /** A handler ran, however that ended; in milliseconds. */
  handled(event: About, durationMs: number): void
  /** An attempt was settled, so many milliseconds after the event was published. */
  settled(event: About, how: 'processed' | 'retry' | 'dead', latencyMs: number): void
}
