#!lua flags=no-writes
-- Reads unfinished events: new ones from the log, and due ones from the open set.
--
-- KEYS: log, result of, due, history, watermark
-- ARGV: position to read after ('' for the watermark), limit of each kind, the longest that an event can be put off
-- in ms ('' if there is no limit)
-- Returns {fresh, due, position of the last entry read or false, ms until the next is due or false, watermark or
-- false, 1 if the log ends before the given position, so that it was read from the watermark, else 0}
--   fresh, due: {{stream id, event JSON, history '<revision> <json>' or false}…}
--@include clock
--@include position

local LOG, RESULT_OF, DUE, HISTORY, WATERMARK = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local limit = tonumber(ARGV[2])

local function read(after)
  return redis.call('XRANGE', LOG, after and '(' .. after or '-', '+', 'COUNT', limit)
end

-- Whether the log ends before a position. Retention may empty it, which does not change where it ends.
local function endsBefore(at)
  local last = '0-0'
  if redis.call('EXISTS', LOG) == 1 then
    local info = redis.call('XINFO', 'STREAM', LOG)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then last = info[i + 1] end
    end
  end
  return position(last) < at
end

local function delivery(entry)
  return { entry[1], entry[2][4], redis.call('HGET', HISTORY, entry[2][2]) }
end

local watermark = redis.call('GET', WATERMARK)
local last = ARGV[1] ~= '' and ARGV[1] or watermark
local entries = read(last)
local reset = 0
if #entries == 0 and last and endsBefore(last) then
  if last == ARGV[1] then reset = 1 end
  last = watermark and not endsBefore(watermark) and watermark
  entries = read(last)
end

local fresh = {}
for _, entry in ipairs(entries) do
  last = entry[1]
  if redis.call('HEXISTS', RESULT_OF, entry[2][2]) == 0 and not redis.call('ZSCORE', DUE, position(last)) then
    fresh[#fresh + 1] = delivery(entry)
  end
end

local due = {}
local open = redis.call('ZRANGE', DUE, '-inf', now(), 'BYSCORE', 'LIMIT', 0, limit)
local waiting = redis.call('ZRANGE', DUE, #open, #open, 'WITHSCORES')[2]
-- Put off by a clock that has been set back since: due as well.
if ARGV[3] ~= '' and #open < limit then
  local beyond = '(' .. (now() + tonumber(ARGV[3]))
  for _, at in ipairs(redis.call('ZRANGE', DUE, beyond, '+inf', 'BYSCORE', 'LIMIT', 0, limit - #open)) do
    open[#open + 1] = at
  end
end
for _, at in ipairs(open) do
  local entry = redis.call('XRANGE', LOG, at, at)[1]
  if entry then due[#due + 1] = delivery(entry) end
end

local nextDue = waiting and math.max(0, tonumber(waiting) - now()) or false
return { fresh, due, last, nextDue, watermark, reset }
