/** Every key and channel name that Keypost uses in Redis, and the only place that knows them. */

/** What was fixed at the first boot: hash of layout version, partitions, placement key and pepper ids. */
export const META = 'keypost:meta'
/** Hash from a processor's id to when it was last heard of and what it said. */
export const PROCESSORS = 'keypost:processors'
/** Channel that says in which partition something was published: `3`, or `3 results` for announcements of results. */
export const WAKE = 'keypost:wake'

/** Written behind the writes that replicas are waited for with. */
export const REPLICATED = 'keypost:replicated'
/** Before a client's name or address: how many requests it has sent in this minute. */
export const RATES = 'keypost:rates'

export type PartitionKeys = ReturnType<typeof partitionKeys>

/** The keys of a partition share a hash tag, so that one script may touch them all in a cluster. */
export function partitionKeys(partition: number) {
  const key = (name: string) => `keypost:{${partition}}:${name}`
  return {
    /** Stream of the events in publish order; an entry's id is its position. */
    log: key('log'),
    /** Hash from an event's id to its position in the log. */
    events: key('events'),
    /** Sorted sets of `<term>\0<sort key>`, all of score 0, read by lexicographical range. */
    logIndex: key('index:log'),
    resultIndex: key('index:results'),
    keyIndex: key('index:keys'),
    profileIndex: key('index:profiles'),
    /** Hash of `<topic> <counter>`. */
    counters: key('counters'),
    /** Hash from name to value, and sorted set of names by expiry in milliseconds. */
    claims: key('claims'),
    claimExpiries: key('claims:expiries'),
    /** Hashes from id to `<version> <json>`. */
    keys: key('keys'),
    profiles: key('profiles'),
    /** Stream of the announcements, each with the result that it announces. */
    results: key('results'),
    /** Hash from an announcement's id to its position in the results. */
    announcements: key('announcements'),
    /** Hash from an event's id to the position of its result. */
    resultOf: key('result-of'),
    /** Hash from a result's position to `superseded` or `discarded`. */
    marks: key('marks'),
    /** The open set: sorted set of positions by due time in milliseconds, and the same in order of position. */
    due: key('due'),
    openOrder: key('open'),
    /** Hash from an event's id to `<revision> <json>` of its history. */
    history: key('history'),
    /** Position up to which every event is settled or in the open set. */
    watermark: key('watermark'),
    /**
     * Hash of what is gone: `<topic> events` (entries of the log; of the results' topic: of the results),
     * `<topic> processed` and `<topic> dead` (results that were not superseded, by the topic of their event), and
     * ` outside` (entries of the log that somebody else took out).
     */
    swept: key('swept'),
    /** Hash of token, processor and beat. */
    lease: key('lease'),
  }
}

/** In the order in which lua/include/change.lua takes them. */
export const changeKeys = (k: PartitionKeys): string[] => [
  k.log,
  k.events,
  k.logIndex,
  k.counters,
  k.claims,
  k.claimExpiries,
  k.keys,
  k.profiles,
  k.keyIndex,
  k.profileIndex,
]

/** In the order in which lua/settle.lua takes them. */
export const settleKeys = (k: PartitionKeys): string[] => [
  ...changeKeys(k),
  k.results,
  k.announcements,
  k.resultOf,
  k.resultIndex,
  k.due,
  k.openOrder,
  k.history,
  k.watermark,
  k.lease,
]
