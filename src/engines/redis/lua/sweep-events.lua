#!lua flags=allow-oom
-- Takes finished events out of the log, in its order, up to the first unfinished one. A dead one that is not
-- discarded is passed over: it goes with its result. Allowed when memory is short, since it frees some.
--
-- KEYS: log, events, history, log index, swept, result of, results, marks, open order
-- ARGV: how many at most, then entries of the log (counted), each: position, event id, topic, index terms (counted)
-- Returns {how many were taken out, how many entries were looked at and are done with, 1 if there is more to take
-- out, 0 if there is not up to the entry at which it stopped, false if it did not stop}
--@include arguments
--@include remove

local keys = { log = KEYS[1], events = KEYS[2], history = KEYS[3], logIndex = KEYS[4], swept = KEYS[5] }
local RESULT_OF, RESULTS, MARKS, OPEN_ORDER = KEYS[6], KEYS[7], KEYS[8], KEYS[9]

local function readEntry(next)
  return { at = next(), id = next(), topic = next(), terms = list(next, same) }
end

local function isKept(resultAt)
  local entry = redis.call('XRANGE', RESULTS, resultAt, resultAt)[1]
  return entry ~= nil and entry[2][8] == 'dead' and redis.call('HGET', MARKS, resultAt) ~= 'discarded'
end

local next = reader(1)
local room = tonumber(next())
local firstOpen = redis.call('ZRANGE', OPEN_ORDER, 0, 0)[1]
local taken = 0
local entries = list(next, readEntry)
for i, event in ipairs(entries) do
  if redis.call('HGET', keys.events, event.id) == event.at then
    local resultAt = redis.call('HGET', RESULT_OF, event.id)
    if not resultAt or (firstOpen and firstOpen <= event.at) then return { taken, i - 1, 0 } end
    if not isKept(resultAt) then
      if taken == room then return { taken, i - 1, 1 } end
      if removeEvent(keys, event) then taken = taken + 1 end
    end
  end
end
return { taken, #entries, false }
