#!lua
-- Writes the records and publishes the events of a change, all or nothing. Without flags Redis refuses the
-- whole script when it is out of memory, cannot persist or is a replica, so it never stops half-way.
--
-- KEYS: the ten of a change (see include/change.lua)
-- ARGV: wake channel, partition, claim name of the operation, its ttl in ms, change
-- Returns one of
--   {'committed', position of the first event or false}
--   {'replayed', position of the first event or false}   the operation was carried out before
--   {'aborted'}                                          somebody else took the operation's claim
--   {'missing', id} | {'version', id} | {'claim', name, value found or false}
--@include change

-- Claims taken away by one commit at most, so that none pays for an hour of them; it adds fewer.
local PRUNED = 10

local wake, partition, operation, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local change = readChange(reader(5))

local first = change.writes[1]
local creates = first and first.expected == ''
local state = claimed(CLAIMS, EXPIRIES, operation)
if state == 'done' or (creates and taken(first)) then
  local event = change.events[1]
  return { 'replayed', event and redis.call('HGET', EVENTS, event.id) or false }
end
if state then return { 'aborted' } end

local conflict = failing(change)
if conflict then return conflict end

prune(CLAIMS, EXPIRIES, PRUNED)
if not creates then claim(CLAIMS, EXPIRIES, operation, 'done', ttl) end
local at = apply(change)
if at then tell(wake, partition) end
return { 'committed', at }
