#!lua flags=no-writes
-- The counters of a partition and its oldest unfinished event.
--
-- KEYS: counters, open order, watermark, log, result of
-- ARGV: none
-- Returns {{'<topic> <counter>', count…}, position of the oldest unfinished event or false}
--@include append

-- Beyond the watermark, entries may be settled already while an earlier one is not; so many are looked at.
local LOOKED_AT = 1000

local function firstUnfinished(log, resultOf, watermark)
  local after = redis.call('GET', watermark)
  local entries = redis.call('XRANGE', log, after and '(' .. after or '-', '+', 'COUNT', LOOKED_AT)
  for _, entry in ipairs(entries) do
    if redis.call('HEXISTS', resultOf, entry[2][2]) == 0 then return position(entry[1]) end
  end
end

local beyond = firstUnfinished(KEYS[4], KEYS[5], KEYS[3])
local open = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
local oldest = open and beyond and (open < beyond and open or beyond) or open or beyond or false
return { redis.call('HGETALL', KEYS[1]), oldest }
