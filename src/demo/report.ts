import type { Result } from '../schemas/result.js'

/** What became of the events: a row for each topic, type and outcome, in the order in which they first came. */
export function tableOf(results: Result[]): string {
  const groups = new Map<string, Result[]>()
  for (const result of results) {
    const name = [result.topic, result.type, outcomeOf(result)].join('\0')
    groups.set(name, [...(groups.get(name) ?? []), result])
  }
  const rows = [...groups].map(([name, group]) => [
    ...name.split('\0'),
    String(group.length),
    ...percentiles(group.map(({ latencyMs }) => latencyMs)),
  ])
  return aligned([['topic', 'type', 'outcome', 'events', 'p50 ms', 'p99 ms'], ...rows])
}

/** `accepted`, `rejected: expired`, `dead: handler_failed`… */
function outcomeOf({ status, outcome, error, attempts }: Result): string {
  if (status === 'dead') return `dead: ${error?.code} (${attempts} attempts)`
  const reasons = Array.isArray(outcome?.reasons) ? `: ${outcome.reasons.join(', ')}` : ''
  return `${outcome?.code}${reasons}${attempts > 1 ? ` (${attempts} attempts)` : ''}`
}

/** The median, and what 99 of 100 stay within; of so few numbers mostly the largest. */
export function percentiles(numbers: number[]): [p50: string, p99: string] {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0)
  return [String(at(0.5)), String(at(0.99))]
}

const NUMBERS = 3

/** Columns under each other, the numbers of the last ones to the right. */
function aligned(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const cell = (text: string, column: number) =>
    column < widths.length - NUMBERS ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)
  return rows.map((row) => `  ${row.map(cell).join('  ')}`).join('\n')
}
