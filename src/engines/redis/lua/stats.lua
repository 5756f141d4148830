#!lua flags=no-writes
-- The counters of a partition and its oldest unfinished event.
--
-- KEYS: counters, open order, watermark, log, result of
-- ARGV: none
-- Returns {{'<topic> <counter>', count…}, position of the oldest unfinished event or false}
--@include position

-- Beyond the watermark, entries may be settled already while an earlier one is not: so many pages are looked at.
local PAGE, PAGES = 64, 16

local function firstUnfinished(log, resultOf, watermark)
  local after = redis.call('GET', watermark)
  for _ = 1, PAGES do
    local entries = redis.call('XRANGE', log, after and '(' .. after or '-', '+', 'COUNT', PAGE)
    for _, entry in ipairs(entries) do
      after = entry[1]
      if redis.call('HEXISTS', resultOf, entry[2][2]) == 0 then return position(after) end
    end
    if #entries < PAGE then return nil end
  end
end

local beyond = firstUnfinished(KEYS[4], KEYS[5], KEYS[3])
local open = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
local oldest = open and beyond and (open < beyond and open or beyond) or open or beyond or false
return { redis.call('HGETALL', KEYS[1]), oldest }
