import { grouped } from './grouped.js'
import type { Row } from './round.js'

const COLUMNS = ['engine', 'fault', 'times', 'acknowledged', 'lost', 'doubled', 'seconds to drain (max)']

/** What came of every fault, as Markdown: a line for each engine and fault, and the sum of all. */
export function table(rows: Row[]): string {
  const groups = grouped(rows, ({ engine, fault }) => `${engine} ${fault}`)
  const lines = [...groups.values()]
    .map((group) => line(group[0]?.engine ?? '', group[0]?.fault ?? '', group))
    .sort((a, b) => (a.join() < b.join() ? -1 : 1))
  const body = [...lines, line('', 'all', rows)].map(row)
  return `${[row(COLUMNS), row(COLUMNS.map(() => '---')), ...body].join('\n')}\n`
}

const row = (cells: string[]) => `| ${cells.join(' | ')} |`

function line(engine: string, fault: string, rows: Row[]): string[] {
  const sum = (count: 'acknowledged' | 'lost' | 'doubled') =>
    rows.reduce((total, row) => total + row[count], 0).toLocaleString('en')
  const drain = Math.max(...rows.map(({ drainSeconds }) => drainSeconds))
  return [
    engine,
    fault,
    String(rows.length),
    sum('acknowledged'),
    sum('lost'),
    sum('doubled'),
    Number.isNaN(drain) ? 'did not' : drain.toFixed(1),
  ]
}
