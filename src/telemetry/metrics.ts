import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Observer } from '../bus/observer.js'
import type { Log } from '../bus/settings.js'
import { topics } from '../domain/topics.js'
import type { EngineStats, TopicCounters } from '../engines/engine.js'
import { version } from '../version.js'
import { Vocabulary } from './vocabulary.js'

/** In seconds: from what an idle machine does to the longest that a handler may take. */
const HANDLER_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
/** A retry makes minutes of it, a backlog hours. */
const LATENCY_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300, 3600,
]
const HTTP_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/**
 * The metrics of one app, in the text format of Prometheus. What begins with `keypost_engine_` is of the data that
 * all processes share, and is the same whichever of them is asked; the rest is of this process since it started.
 */
export class Metrics implements Observer {
  readonly #registry = new Registry()
  readonly contentType = this.#registry.contentType
  readonly #vocabulary = new Vocabulary()

  readonly #events = {
    published: this.#counter('keypost_events_published_total', 'Events published.', ['topic', 'type']),
    processed: this.#counter('keypost_events_processed_total', 'Events handled.', ['topic', 'type']),
    retry: this.#counter(
      'keypost_events_retried_total',
      'Attempts that failed and are followed by another.',
      ['topic', 'type'],
    ),
    dead: this.#counter('keypost_events_dead_total', 'Events that became dead letters.', ['topic', 'type']),
  }
  readonly #alarms = this.#counter('keypost_alarms_total', 'Log lines with an `alarm`.', ['alarm'])
  readonly #handlers = this.#histogram(
    'keypost_handler_duration_seconds',
    'How long a handler took, each time.',
    ['topic', 'type'],
    HANDLER_BUCKETS,
  )
  readonly #latencies = this.#histogram(
    'keypost_event_latency_seconds',
    'From the publication of an event to its result.',
    ['topic', 'type'],
    LATENCY_BUCKETS,
  )
  readonly #requests = this.#histogram(
    'keypost_http_request_duration_seconds',
    'HTTP requests, by the pattern of their route.',
    ['method', 'route', 'status'],
    HTTP_BUCKETS,
  )

  readonly #up = this.#gauge('keypost_engine_up', 'Whether the engine has answered this scrape.')
  readonly #answered = this.#gauge('keypost_engine_answer_seconds', 'How long that took.')
  readonly #counted = this.#gauge(
    'keypost_engine_events',
    'Events by what became of them; `published` is all there ever were, `discarded` is part of `dead`.',
    ['topic', 'state'],
  )
  readonly #unfinished = this.#gauge(
    'keypost_engine_unfinished_events',
    'Events without a result: pending or waiting for a retry.',
    ['topic'],
  )
  readonly #oldest = this.#gauge(
    'keypost_engine_oldest_unfinished_age_seconds',
    'Since when the oldest event without a result waits; 0: there is none.',
  )

  constructor(engine: 'embedded' | 'redis') {
    this.#gauge('keypost_build_info', 'Always 1.', ['version', 'node', 'engine']).set(
      { version, node: process.versions.node, engine },
      1,
    )
    // Or nobody could tell their first from none.
    for (const alarm of ['data_lost', 'event_lost']) this.#alarms.inc({ alarm }, 0)
  }

  published(event: { topic: string; type: string }): void {
    this.#events.published.inc(this.#vocabulary.labels(event))
  }

  handled(event: { topic: string; type: string }, durationMs: number): void {
    this.#handlers.observe(this.#vocabulary.labels(event), durationMs / 1000)
  }

  settled(
    event: { topic: string; type: string },
    how: 'processed' | 'retry' | 'dead',
    latencyMs: number,
  ): void {
    const labels = this.#vocabulary.labels(event)
    this.#events[how].inc(labels)
    if (how === 'retry') return
    this.#latencies.observe(labels, latencyMs / 1000)
    this.#events.published.inc({ topic: topics.results, type: `event.${how}` })
  }

  /** `route`: its pattern; null: there is none for this path. */
  answered(request: { method: string; route: string | null; status: number }, durationMs: number): void {
    const { method, route, status } = request
    this.#requests.observe({ method, route: route ?? 'none', status }, durationMs / 1000)
  }

  /** A gauge whose value is asked for when it is read. */
  counts(name: string, help: string, count: () => number): void {
    const registers = [this.#registry]
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(count())
      },
    })
  }

  /** The same log, whose alarms are counted. */
  alarmed<L extends Log>(log: L): L {
    const error = (facts: object, message: string) => {
      if ('alarm' in facts) this.#alarms.inc({ alarm: String(facts.alarm) })
      log.error(facts, message)
    }
    return Object.assign(Object.create(log), { error })
  }

  /** `stats` null: the engine has not answered within `tookMs`. */
  async text(stats: EngineStats | null, tookMs: number): Promise<string> {
    this.#up.set(stats === null ? 0 : 1)
    for (const gauge of [this.#answered, this.#counted, this.#unfinished, this.#oldest]) gauge.reset()
    if (stats === null) for (const gauge of [this.#answered, this.#oldest]) gauge.remove()
    else this.#count(stats, tookMs)
    return `${await this.#registry.metrics()}\n${await ofProcess().metrics()}`
  }

  #count({ topics, oldestUnfinishedAt }: EngineStats, tookMs: number): void {
    this.#answered.set(tookMs / 1000)
    this.#oldest.set(
      oldestUnfinishedAt === null ? 0 : Math.max(0, Date.now() - Date.parse(oldestUnfinishedAt)) / 1000,
    )
    for (const [name, counters] of Object.entries(topics)) {
      const topic = this.#vocabulary.topic(name)
      this.#unfinished.inc({ topic }, counters.pending + counters.retrying)
      for (const state of STATES) this.#counted.inc({ topic, state }, counters[state])
    }
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] })
  }

  #gauge<T extends string>(name: string, help: string, labelNames: T[] = []): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] })
  }

  #histogram<T extends string>(name: string, help: string, labelNames: T[], buckets: number[]): Histogram<T> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.#registry] })
  }
}

const STATES: (keyof TopicCounters)[] = ['published', 'processed', 'dead', 'pending', 'retrying', 'discarded']

let processRegistry: Registry | undefined

/** Memory, CPU, event loop and garbage collection are the process's, however many apps there are in it. */
function ofProcess(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry()
    collectDefaultMetrics({ register: processRegistry })
  }
  return processRegistry
}
