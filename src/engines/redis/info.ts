/** What INFO answers, by name. */
export const factsIn = (info: string): Map<string, string> =>
  new Map(
    info.split('\r\n').map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1)]
    }),
  )

/** How many replicas follow a primary and are up to date with its stream. */
export const replicasIn = (facts: Map<string, string>): number =>
  [...facts].filter(([name, value]) => /^slave\d+$/.test(name) && value.includes('state=online')).length
