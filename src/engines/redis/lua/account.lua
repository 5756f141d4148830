#!lua flags=allow-oom
-- Accounts for finished events whose entries somebody else took out of the log, and forgets them.
--
-- KEYS: events, log, result of, history, log index, swept
-- ARGV: events (counted), each: id, position, members of the log index (counted)
-- Returns how many are accounted for
--@include arguments

local EVENTS, LOG, RESULT_OF, HISTORY, LOG_INDEX, SWEPT = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]

local function readEvent(next) return { id = next(), at = next(), members = list(next, same) } end

local accounted = 0
for _, event in ipairs(list(reader(1), readEvent)) do
  if redis.call('HGET', EVENTS, event.id) == event.at
    and #redis.call('XRANGE', LOG, event.at, event.at) == 0
    and redis.call('HEXISTS', RESULT_OF, event.id) == 1 then
    redis.call('HINCRBY', SWEPT, ' outside', 1)
    redis.call('HDEL', EVENTS, event.id)
    redis.call('HDEL', HISTORY, event.id)
    for _, member in ipairs(event.members) do redis.call('ZREM', LOG_INDEX, member) end
    accounted = accounted + 1
  end
end
return accounted
