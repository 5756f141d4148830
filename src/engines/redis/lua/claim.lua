#!lua flags=no-writes
-- Reads unfinished events: new ones from the log, and due ones from the open set.
--
-- KEYS: log, result of, due, history, watermark
-- ARGV: position to read after ('' for the watermark), limit of each kind
-- Returns {fresh, due, position of the last entry read or false, ms until the next is due or false}
--   fresh: {{stream id, event JSON}…}
--   due:   {{stream id, event JSON, history '<revision> <json>' or false}…}
--@include clock
--@include position

local LOG, RESULT_OF, DUE, HISTORY, WATERMARK = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local limit = tonumber(ARGV[2])

local last = ARGV[1] ~= '' and ARGV[1] or redis.call('GET', WATERMARK)
local fresh = {}
for _, entry in ipairs(redis.call('XRANGE', LOG, last and '(' .. last or '-', '+', 'COUNT', limit)) do
  local id, json = entry[2][2], entry[2][4]
  last = entry[1]
  if redis.call('HEXISTS', RESULT_OF, id) == 0 and not redis.call('ZSCORE', DUE, position(last)) then
    fresh[#fresh + 1] = { last, json }
  end
end

local due = {}
local open = redis.call('ZRANGE', DUE, '-inf', now(), 'BYSCORE', 'LIMIT', 0, limit)
for _, at in ipairs(open) do
  local entry = redis.call('XRANGE', LOG, at, at)[1]
  if entry then due[#due + 1] = { entry[1], entry[2][4], redis.call('HGET', HISTORY, entry[2][2]) } end
end

local waiting = redis.call('ZRANGE', DUE, #open, #open, 'WITHSCORES')[2]
return { fresh, due, last, waiting and math.max(0, tonumber(waiting) - now()) or false }
