export type Groups<T> = Map<string, T[]>

export function grouped<T>(items: T[], by: (item: T) => string): Groups<T> {
  const groups: Groups<T> = new Map()
  for (const item of items) {
    const group = groups.get(by(item))
    if (group === undefined) groups.set(by(item), [item])
    else group.push(item)
  }
  return groups
}
