import type { FastifyInstance } from 'fastify'

/** What /metrics answers. */
export async function scrape(app: FastifyInstance) {
  const { body, headers } = await app.inject('/metrics')
  return { type: headers['content-type'], ...exposition(body) }
}

/** Metrics in the text format of Prometheus. */
export function exposition(text: string) {
  const samples = text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) return []
    const pairs = [...labels.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, label, of]) => [label, of])
    return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }]
  })
  /** The sample with these very labels. */
  const value = (name: string, wanted: Record<string, string> = {}): number | undefined =>
    samples.find(
      (sample) =>
        sample.name === name &&
        Object.keys(sample.labels).length === Object.keys(wanted).length &&
        Object.entries(wanted).every(([label, of]) => sample.labels[label] === of),
    )?.value
  return { text, value }
}
