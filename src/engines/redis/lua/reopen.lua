#!lua
-- Takes back how an event ended, or discards a dead one, if it is still as it was seen. Without flags Redis
-- refuses the whole script when it is out of memory, cannot persist or is a replica, so it never stops half-way.
--
-- KEYS: claims, claim expiries, counters, log, events, announcements, result of, marks, history, due, open order
-- ARGV: wake channel, partition, claim name of the operation, its ttl in ms, redrive|replay|discard, and the event
--       as it was seen: id, position, topic, revision of its history, status and announcement id of its result;
--       then its new history ('<revision> <json>', '' when it stays as it is)
-- Returns one of
--   'reopened'
--   'replayed'   the operation was carried out before
--   'conflict'   the event is not as it was seen, or somebody else took the operation's claim
--@include claims
--@include tell

local CLAIMS, EXPIRIES, COUNTERS, LOG, EVENTS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local ANNOUNCEMENTS, RESULT_OF, MARKS, HISTORY = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local DUE, OPEN_ORDER = KEYS[10], KEYS[11]

local wake, partition, operation, ttl, how = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local id, at, topic, revision, status, announcement = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local history = ARGV[12]

local result = redis.call('HGET', RESULT_OF, id)

local function isAsSeen()
  local stored = redis.call('HGET', HISTORY, id)
  return status == (how == 'replay' and 'processed' or 'dead')
    and redis.call('HGET', EVENTS, id) == at
    and #redis.call('XRANGE', LOG, at, at) == 1
    and result
    and redis.call('HGET', ANNOUNCEMENTS, announcement) == result
    and (stored and string.match(stored, '^%d+') or '0') == revision
    and not redis.call('HGET', MARKS, result)
end

local function count(counter, by) redis.call('HINCRBY', COUNTERS, topic .. ' ' .. counter, by) end

local state = claimed(CLAIMS, EXPIRIES, operation)
if state == 'done' then return 'replayed' end
if state or not isAsSeen() then return 'conflict' end

claim(CLAIMS, EXPIRIES, operation, 'done', ttl)
if how == 'discard' then
  redis.call('HSET', MARKS, result, 'discarded')
  count('discarded', 1)
else
  redis.call('HSET', MARKS, result, 'superseded')
  redis.call('HDEL', RESULT_OF, id)
  redis.call('HSET', HISTORY, id, history)
  count(status, -1)
  count('pending', 1)
  redis.call('ZADD', DUE, now(), at)
  redis.call('ZADD', OPEN_ORDER, 0, at)
  tell(wake, partition)
end
return 'reopened'
