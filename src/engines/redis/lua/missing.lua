#!lua flags=no-writes
-- One page of a search for events whose entries are not in the log.
--
-- KEYS: events, log, result of, history
-- ARGV: cursor, about how many to look at
-- Returns {next cursor, {{event id, position, 1 if it has a result, else 0, history or false}…}}

local EVENTS, LOG, RESULT_OF, HISTORY = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local cursor, fields = unpack(redis.call('HSCAN', EVENTS, ARGV[1], 'COUNT', ARGV[2]))
local missing = {}
for i = 1, #fields, 2 do
  local id, at = fields[i], fields[i + 1]
  if #redis.call('XRANGE', LOG, at, at) == 0 then
    missing[#missing + 1] = { id, at, redis.call('HEXISTS', RESULT_OF, id), redis.call('HGET', HISTORY, id) }
  end
end
return { cursor, missing }
