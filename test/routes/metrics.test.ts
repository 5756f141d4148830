import t, { type Test } from 'tap'
import { failingHandler } from '../failing-handler.js'
import { build, call, newKey, submit } from '../helper.js'
import { redisInstalled, redisServer } from '../redis-server.js'
import { scrape } from '../scrape.js'
import { until } from '../until.js'

const submitted = { topic: 'key_submission', type: 'key.submitted' }

t.test('what is published and handled is counted, by topic and type', async (t) => {
  const app = await build(t)
  for (let n = 0; n < 3; n++) await submit(app, { key: newKey() })
  // A result can be read a moment before the one who wrote it knows.
  await until(async () => (await scrape(app)).value('keypost_events_processed_total', submitted) === 3)
  const metrics = await scrape(app)
  t.equal(metrics.value('keypost_events_published_total', submitted), 3)
  const announced = { topic: 'processing_results', type: 'event.processed' }
  t.equal(metrics.value('keypost_events_published_total', announced), 3)
  t.equal(metrics.value('keypost_handler_duration_seconds_count', submitted), 3)
  t.equal(metrics.value('keypost_event_latency_seconds_count', submitted), 3)
  const request = { method: 'POST', route: '/keys', status: '202' }
  t.equal(metrics.value('keypost_http_request_duration_seconds_count', request), 3)
})

t.test('what the engine has counted is told, and how it is', async (t) => {
  const app = await build(t, { SUBSCRIBER: 'off' })
  await call(app, 'POST', '/keys', { key: newKey(), name: 'a key' })
  const metrics = await scrape(app)
  t.equal(metrics.value('keypost_engine_up'), 1)
  t.equal(metrics.value('keypost_engine_unfinished_events', { topic: 'key_submission' }), 1)
  const counted = (state: string) =>
    metrics.value('keypost_engine_events', { topic: 'key_submission', state })
  const states = ['published', 'processed', 'dead', 'pending', 'retrying', 'discarded'].map(counted)
  t.strictSame(states, [1, 0, 0, 1, 0, 0])
  t.ok((metrics.value('keypost_engine_oldest_unfinished_age_seconds') ?? 0) > 0)
  t.ok((metrics.value('keypost_engine_answer_seconds') ?? 0) > 0)
})

t.test('attempts that fail and dead letters are counted', async (t) => {
  const app = await build(t, { HANDLERS: await failingHandler(t) })
  await call(app, 'POST', '/topics/things/events', { type: 'thing.happened', data: {} })
  const about = { topic: 'things', type: 'thing.happened' }
  await until(async () => (await scrape(app)).value('keypost_events_dead_total', about) === 1)
  const metrics = await scrape(app)
  t.equal(metrics.value('keypost_events_published_total', about), 1)
  t.equal(metrics.value('keypost_events_processed_total', about), undefined)
  t.equal(metrics.value('keypost_handler_duration_seconds_count', about), 2)
  t.equal(metrics.value('keypost_events_retried_total', about), 1)
  t.equal(metrics.value('keypost_events_dead_total', about), 1)
  t.equal(metrics.value('keypost_event_latency_seconds_count', about), 1, 'a retry is no end')
})

t.test('it is what Prometheus reads, about the build and the process too', async (t) => {
  const app = await build(t)
  const { type, text, value } = await scrape(app)
  t.equal(type, 'text/plain; version=0.0.4; charset=utf-8')
  t.match(text, /^keypost_build_info\{version="[^"]+",node="[^"]+",engine="embedded"\} 1$/m)
  t.ok((value('process_resident_memory_bytes') ?? 0) > 0)
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  t.equal(new Set(names).size, names.length, 'no metric is there twice')
  const strange = text.split('\n').filter((line) => !/^(|#.*|[a-z0-9_]+(\{.*\})? \S+)$/.test(line))
  t.strictSame(strange, [])
})

t.test('apps of one process count for themselves', async (t) => {
  const [one, other] = [await build(t), await build(t)]
  await submit(one, { key: newKey() })
  t.equal((await scrape(one)).value('keypost_events_published_total', submitted), 1)
  t.equal((await scrape(other)).value('keypost_events_published_total', submitted), undefined)
})

t.test('no label holds an id or anything else that a client chose', async (t) => {
  const app = await build(t)
  const { id, eventId } = await submit(app, { key: newKey(), name: 'MARKER' })
  for (const url of [
    `/keys/${id}`,
    `/results/${eventId}`,
    '/MARKER',
    '/keys/MARKER?MARKER=1',
    '/keys?MARKER=1',
  ])
    await call(app, 'GET', url)
  const { text, value } = await scrape(app)
  t.notMatch(text, id)
  t.notMatch(text, eventId)
  t.notMatch(text, 'MARKER')
  const found = { method: 'GET', route: '/keys/:id', status: '200' }
  t.ok((value('keypost_http_request_duration_seconds_count', found) ?? 0) > 0)
  const nowhere = { method: 'GET', route: 'none', status: '404' }
  t.equal(value('keypost_http_request_duration_seconds_count', nowhere), 1)
})

t.test('however many topics and types there are, so many have names', async (t) => {
  const app = await build(t)
  for (let n = 0; n < 150; n++) {
    app.metrics.published({ topic: `topic_${n}`, type: 'a' })
    app.metrics.published({ topic: 'topic_0', type: `type_${n}` })
  }
  app.metrics.published(submitted)
  const { text, value } = await scrape(app)
  const series = text.match(/^keypost_events_published_total\{/gm)?.length ?? 0
  t.ok(series > 100 && series < 220, `${series}`)
  t.equal(value('keypost_events_published_total', submitted), 1)
  const sum = [...text.matchAll(/^keypost_events_published_total\{.*\} (\d+)$/gm)]
    .map(([, count]) => Number(count))
    .reduce((a, b) => a + b)
  t.equal(sum, 301, 'none is left out')
})

const onRedis = async (t: Test) => {
  const server = await redisServer(t)
  const env = { REDIS_URL: server.url, KEY_PEPPER: 'p'.repeat(32), PARTITIONS: '1', LEASE_MS: '500' }
  return { server, app: await build(t, env) }
}

t.test('an engine that is out of reach is told; the rest is answered all the same', async (t) => {
  if (!redisInstalled(t)) return
  const { server, app } = await onRedis(t)
  await submit(app, { key: newKey() })
  await server.kill()
  await until(async () => (await scrape(app)).value('keypost_engine_up') === 0)
  const { value } = await scrape(app)
  t.equal(value('keypost_events_published_total', submitted), 1)
  t.equal(value('keypost_engine_answer_seconds'), undefined, 'what is not known is not told')
  t.equal(value('keypost_engine_oldest_unfinished_age_seconds'), undefined)
  t.equal(value('keypost_engine_unfinished_events', { topic: 'key_submission' }), undefined)
  await server.start()
  await until(async () => (await scrape(app)).value('keypost_engine_up') === 1)
})

t.test('alarms are counted, also where nothing is logged', async (t) => {
  if (!redisInstalled(t)) return
  const { server, app } = await onRedis(t)
  await submit(app, { key: newKey() })
  const alarms = async () => (await scrape(app)).value('keypost_alarms_total', { alarm: 'data_lost' })
  t.equal(await alarms(), 0)
  await server.client.flushall()
  await until(async () => ((await alarms()) ?? 0) > 0)
})
