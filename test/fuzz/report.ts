import type { Ledger } from './ledger.js'

/** Operations by statuses, with how often each was met. */
export function table(ledgers: Ledger[]): string {
  const counts = new Map<string, Map<string, number>>()
  for (const ledger of ledgers)
    for (const [name, row] of ledger.counts)
      for (const [status, count] of row) {
        const sum = counts.get(name) ?? new Map<string, number>()
        counts.set(name, sum.set(status, (sum.get(status) ?? 0) + count))
      }
  const statuses = [...new Set([...counts.values()].flatMap((row) => [...row.keys()]))].sort()
  const rows = [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
  const line = (name: string, cells: (string | number)[]) =>
    `${name.padEnd(20)}${cells.map((cell) => String(cell).padStart(8)).join('')}`
  return [
    line('', statuses),
    ...rows.map(([name, row]) =>
      line(
        name,
        statuses.map((status) => row.get(status) ?? ''),
      ),
    ),
  ].join('\n')
}

/** Operations that were never carried out, or never refused. */
export function unseen(ledgers: Ledger[]): string[] {
  const names = [...(ledgers[0]?.counts.keys() ?? [])].filter((name) => !name.startsWith('('))
  const met = (name: string, first: string) =>
    ledgers.some(({ counts }) =>
      [...(counts.get(name)?.keys() ?? [])].some((status) => status.startsWith(first)),
    )
  return names.flatMap((name) => [
    ...(met(name, '2') ? [] : [`${name} was never carried out`]),
    ...(met(name, '4') ? [] : [`${name} was never refused`]),
  ])
}

/** Of the valid requests, in percent. */
export function share(ledgers: Ledger[]): number {
  const sent = ledgers.reduce((sum, { valid }) => sum + valid.sent, 0)
  return (100 * ledgers.reduce((sum, { valid }) => sum + valid.carriedOut, 0)) / sent
}
