import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { passingOn, type Tracer, traceparentIn } from '../src/bus/tracer.js'
import type { RequestSpan } from '../src/telemetry/open-telemetry.js'
import { isProbe } from './log.js'

declare module 'fastify' {
  interface FastifyInstance {
    tracer: Tracer
  }
  interface FastifyRequest {
    /** The trace that it belongs to (W3C Trace Context): of its own span, or as it was sent. */
    traceparent: string | undefined
  }
}

/**
 * Traces by OpenTelemetry, if its standard variables say where they go; else the `traceparent` of a request is
 * handed on with its events, and nothing of OpenTelemetry is loaded.
 */
export default fp(
  async (app) => {
    const tracing = isOn(process.env)
      ? new (await import('../src/telemetry/open-telemetry.js')).OpenTelemetry(app.log)
      : null
    const tracer = tracing ?? passingOn
    app.decorate('tracer', tracer)
    app.decorateRequest('traceparent', undefined)

    const spans = new WeakMap<FastifyRequest, RequestSpan>()
    app.addHook('onRequest', (request, _reply, done) => {
      request.traceparent = traceparentIn(request.headers.traceparent)
      if (tracing !== null && !isProbe(request)) {
        const span = tracing.request(request.method, request.traceparent)
        spans.set(request, span)
        request.traceparent = span.traceparent
      }
      done()
    })
    // Only what comes to a handler can publish.
    app.addHook('preHandler', (request, _reply, done) => tracer.within(request.traceparent, done))
    if (tracing === null) return

    app.addHook('onResponse', (request, reply, done) => {
      spans.get(request)?.end({ route: request.routeOptions.url ?? null, status: reply.statusCode })
      done()
    })
    app.addHook('onClose', () => tracing.stop())
  },
  { name: 'tracing', dependencies: ['log'] },
)

/** OpenTelemetry Environment Variable Specification; an empty variable is as good as none. */
const isOn = (env: NodeJS.ProcessEnv): boolean =>
  Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) &&
  env.OTEL_SDK_DISABLED?.toLowerCase() !== 'true' &&
  env.OTEL_TRACES_EXPORTER !== 'none'
