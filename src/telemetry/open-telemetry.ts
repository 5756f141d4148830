import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type Tracer as SpanMaker,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node'
import type { Attempt } from '../bus/attempt.js'
import type { Log } from '../bus/settings.js'
import { carrying, currentTrace, passingOn, type Tracer, traceparentIn } from '../bus/tracer.js'
import type { NewEvent } from '../domain/change.js'
import { Conflict } from '../engines/errors.js'
import { KeypostError } from '../errors.js'
import type { KeypostEvent } from '../schemas/event.js'
import { version } from '../version.js'
import { within } from '../within.js'

/** A collector that is gone must not hold up a stop. */
const FLUSH_MS = 2000

/** The span of an HTTP request. */
export interface RequestSpan {
  readonly traceparent: string
  /** `route`: its pattern; null: there is none for this path. */
  end(answer: { route: string | null; status: number }): void
}

/**
 * Spans of requests, of events that are published (`send`) and of handlers (`process`), by OpenTelemetry's semantic
 * conventions for HTTP and messaging. They say what happened and to which event, never with which values: no URL,
 * no header, no message of an error.
 */
export class OpenTelemetry implements Tracer {
  readonly #provider: NodeTracerProvider
  readonly #spans: SpanMaker
  readonly within = passingOn.within

  /** Reads the standard `OTEL_…` variables for where spans go and how they are sampled. */
  constructor(log: Pick<Log, 'warn'>) {
    const own = resourceFromAttributes({ 'service.name': 'keypost', 'service.version': version })
    this.#provider = new NodeTracerProvider({
      resource: own.merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(warning(new OTLPTraceExporter(), log))],
    })
    this.#spans = this.#provider.getTracer('keypost', version)
  }

  /** `traceparent`: as the client sent it. */
  request(method: string, traceparent: string | undefined): RequestSpan {
    const attributes = { 'http.request.method': method }
    const span = this.#spans.startSpan(method, { kind: SpanKind.SERVER, attributes }, under(traceparent))
    return {
      traceparent: traceparentOf(span),
      end: ({ route, status }) => {
        if (route !== null) span.updateName(`${method} ${route}`).setAttribute('http.route', route)
        span.setAttribute('http.response.status_code', status)
        if (status >= 500) fail(span, String(status))
        span.end()
      },
    }
  }

  async send<T>(events: NewEvent[], commit: (events: NewEvent[]) => Promise<T>): Promise<T> {
    const parent = under(currentTrace())
    const sent = events.map((event) => ({
      event,
      span: this.#spans.startSpan(
        `send ${event.topic}`,
        { kind: SpanKind.PRODUCER, attributes: about(event, 'send') },
        parent,
      ),
    }))
    try {
      return await commit(sent.map(({ event, span }) => carrying(event, traceparentOf(span))))
    } catch (error) {
      // A conflict is decided anew, and then sent by another span.
      if (!(error instanceof Conflict)) for (const { span } of sent) fail(span, codeOf(error))
      throw error
    } finally {
      for (const { span } of sent) span.end()
    }
  }

  async process(event: KeypostEvent, run: () => Promise<Attempt>): Promise<Attempt> {
    const span = this.#spans.startSpan(
      `process ${event.topic}`,
      { kind: SpanKind.CONSUMER, attributes: about(event, 'process') },
      under(event.traceparent),
    )
    try {
      const attempt = await this.within(traceparentOf(span), run)
      if (attempt.end === 'failed') fail(span, attempt.error.code)
      else if (attempt.end === 'interrupted') fail(span, 'interrupted')
      return attempt
    } finally {
      span.end()
    }
  }

  /** Sends what has not been sent yet, for as long as it may take. */
  async stop(): Promise<void> {
    const flushed = this.#provider.shutdown().catch(() => {}) // it was warned of
    await within(FLUSH_MS, flushed, undefined)
  }
}

const about = ({ topic, type, id }: NewEvent, operation: 'send' | 'process'): Attributes => ({
  'messaging.system': 'keypost',
  'messaging.operation.type': operation,
  'messaging.operation.name': operation,
  'messaging.destination.name': topic,
  'messaging.message.id': id,
  'cloudevents.event_id': id,
  'cloudevents.event_type': type,
})

const fail = (span: Span, code: string): void => {
  span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR })
}

const codeOf = (error: unknown): string =>
  error instanceof KeypostError ? error.code : error instanceof Error ? error.name : 'unknown'

const traceparentOf = (span: Span): string => {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`
}

/** The context of what continues a trace; without one, that of what begins a new one. */
function under(traceparent: string | undefined): Context {
  const [, traceId, spanId, flags] = traceparentIn(traceparent)?.split('-') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT
  const traceFlags = Number.parseInt(flags, 16)
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

/** The same exporter; that spans do not arrive is said once, until they do again. */
function warning(exporter: SpanExporter, log: Pick<Log, 'warn'>): SpanExporter {
  let failing = false
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.code !== 0
        if (failed && !failing) log.warn({ why: result.error?.message }, 'traces cannot be sent')
        failing = failed
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}
