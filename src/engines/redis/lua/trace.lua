#!lua flags=no-writes
-- All that is known of an event that is in the log.
--
-- KEYS: events, log, result of, results, marks, history
-- ARGV: event id
-- Returns false, or {stream id, event JSON, history '<revision> <json>' or false, its result or false}
--   result: {stream id, {field, value…}, mark or false}

local EVENTS, LOG, RESULT_OF, RESULTS, MARKS, HISTORY = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id = ARGV[1]

local function entryAt(stream, at) return at and redis.call('XRANGE', stream, at, at)[1] end

local event = entryAt(LOG, redis.call('HGET', EVENTS, id))
if not event then return false end

local resultAt = redis.call('HGET', RESULT_OF, id)
local result = entryAt(RESULTS, resultAt)
return {
  event[1], event[2][4], redis.call('HGET', HISTORY, id),
  result and { result[1], result[2], redis.call('HGET', MARKS, resultAt) } or false,
}
