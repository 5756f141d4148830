#!lua flags=allow-oom
-- Takes results away: those that were superseded, those whose events are gone, and those of dead events together
-- with the event. Allowed when memory is short, since it frees some.
--
-- KEYS: log, events, history, log index, swept, result of, results, marks, announcements, result index
-- ARGV: topic of the results, how many events at most, how many results at most, position before which events may
--       go, then entries of the results (counted), each: position, announcement id, event id, its topic, status,
--       result index terms (counted), log index terms of the event (counted)
-- Returns {results taken away, how many entries were looked at and are done with, 1 if there is more to take away,
-- else false, events taken away}
--@include arguments
--@include remove

local keys = { log = KEYS[1], events = KEYS[2], history = KEYS[3], logIndex = KEYS[4], swept = KEYS[5] }
local RESULT_OF, RESULTS, MARKS, ANNOUNCEMENTS, RESULT_INDEX = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]

local function readEntry(next)
  return {
    at = next(), announcement = next(), id = next(), topic = next(), status = next(),
    terms = list(next, same), logTerms = list(next, same),
  }
end

local next = reader(1)
local topic, eventRoom, room, eventsBefore = next(), tonumber(next()), tonumber(next()), next()

-- Returns whether a result may go, whether it is its event's, and the event that goes with it.
local function judge(result)
  if redis.call('HGET', RESULT_OF, result.id) ~= result.at then return true, false end
  local at = redis.call('HGET', keys.events, result.id)
  if not at then return true, true end
  if result.status ~= 'dead' or at >= eventsBefore then return false end
  return true, true, { id = result.id, at = at, topic = result.topic, terms = result.logTerms }
end

local function remove(result, current)
  if redis.call('XDEL', RESULTS, result.at) == 0 then return false end
  redis.call('HDEL', ANNOUNCEMENTS, result.announcement)
  redis.call('HDEL', MARKS, result.at)
  for _, term in ipairs(result.terms) do redis.call('ZREM', RESULT_INDEX, term .. '\0' .. result.at) end
  redis.call('HINCRBY', keys.swept, topic .. ' events', 1)
  if current then
    redis.call('HDEL', RESULT_OF, result.id)
    redis.call('HINCRBY', keys.swept, result.topic .. ' ' .. result.status, 1)
  end
  return true
end

local taken, events = 0, 0
local entries = list(next, readEntry)
for i, result in ipairs(entries) do
  local goes, current, event = judge(result)
  if goes then
    if taken == room or (event and events == eventRoom) then return { taken, i - 1, 1, events } end
    -- An event that somebody else took out of the log keeps its result until that is accounted for.
    if not event or removeEvent(keys, event) then
      if event then events = events + 1 end
      if remove(result, current) then taken = taken + 1 end
    end
  end
end
return { taken, #entries, false, events }
