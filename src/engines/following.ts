import { writeCursor } from './cursor.js'
import type { StreamState } from './listing.js'
import { budgetOf, type Source, walk } from './listing.js'
import { Merge } from './merge.js'
import type { Plan } from './plan.js'
import { START } from './positions.js'
import type { Listed, Missed, Paging } from './queries.js'
import type { VectorPlace } from './vector.js'

/** A page for a reader that goes on when more was published, and that is told when it missed something. */
export async function follow<T>(
  source: Source,
  plan: Plan<T>,
  place: VectorPlace,
  { follow, limit, cursor }: Paging,
): Promise<Listed<T>> {
  if (follow === 'new' && cursor === undefined) {
    await toEnd(source, plan, place)
    return { items: [], cursors: [], atEnd: true, nextCursor: writeCursor(plan, place) }
  }
  const gaps: { stream: number; state: StreamState; missed: Missed }[] = []
  const merge = new Merge(source, plan, place, budgetOf(plan, limit), (stream, state) => {
    const missed = place.missed(stream, state)
    if (missed !== null) gaps.push({ stream, state, missed })
    return missed === null
  })
  const cursors: string[] = []
  const { items, rows, ended } = await walk(merge, plan, place, limit, () => {
    cursors.push(writeCursor(plan, place))
  })
  // What was passed before a gap is a page of its own; the next one meets the gap at once.
  if (gaps.length > 0 && rows === 0) {
    for (const { stream, state, missed } of gaps) place.goOn(stream, state, missed)
    const missed = gaps.some(({ missed }) => missed === 'lost') ? 'lost' : 'swept'
    return { items: [], cursors: [], missed, nextCursor: writeCursor(plan, place) }
  }
  if (ended) for (const stream of plan.streams.keys()) place.reached(stream, merge.endOf(stream))
  return { items, cursors, atEnd: ended, nextCursor: writeCursor(plan, place) }
}

/** Passes over all that every stream has by now, whether or not it is asked for. */
async function toEnd({ scan }: Source, { streams }: Plan<unknown>, place: VectorPlace): Promise<void> {
  const found = await scan(
    streams.map(({ partition, index, terms: [term = null] }) => ({
      ...{ partition, index, term, after: null, before: null, place: null },
      reverse: false,
      limit: 1,
    })),
  )
  for (const stream of streams.keys()) place.passed(stream, found[stream]?.state?.end ?? START)
}
