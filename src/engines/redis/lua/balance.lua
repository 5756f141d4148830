#!lua flags=no-writes
-- Compares what was published with what there is.
--
-- KEYS: counters, swept, log, result of, due, watermark
-- ARGV: topic of the results
-- Returns {entries of the log that somebody else took out and that are not accounted for, 1 if unfinished events
-- lie where claiming does not find them, else 0}
--@include position

local COUNTERS, SWEPT, LOG, RESULT_OF, DUE, WATERMARK = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]

-- So many entries after the watermark are looked at; with more, a later call finds what is astray.
local PAGE, PAGES = 64, 16

-- The sum of a hash's fields `<topic> <name>`, but for the topic of the results.
local function sum(hash, names)
  local total = 0
  local fields = redis.call('HGETALL', hash)
  for i = 1, #fields, 2 do
    local topic, name = string.match(fields[i], '^(%S*) (%S+)$')
    if topic ~= ARGV[1] and names[name] then total = total + tonumber(fields[i + 1]) end
  end
  return total
end

-- Whether there are fewer than `wanted` events after the watermark that are neither settled nor open.
local function fewerAhead(wanted)
  local after = redis.call('GET', WATERMARK)
  local found = 0
  for _ = 1, PAGES do
    local entries = redis.call('XRANGE', LOG, after and '(' .. after or '-', '+', 'COUNT', PAGE)
    for _, entry in ipairs(entries) do
      after = entry[1]
      if redis.call('HEXISTS', RESULT_OF, entry[2][2]) == 0 and not redis.call('ZSCORE', DUE, position(after)) then
        found = found + 1
        if found == wanted then return false end
      end
    end
    if #entries < PAGE then return true end
  end
  return false
end

local length = redis.call('XLEN', LOG)
local missing = sum(COUNTERS, { published = true }) - sum(SWEPT, { events = true, outside = true }) - length
local unfinished = sum(COUNTERS, { pending = true, retrying = true })
-- Those that are missing may be among the unfinished, and are found by other means.
local wanted = unfinished - math.max(0, missing) - redis.call('ZCARD', DUE)
return { missing, wanted > 0 and fewerAhead(wanted) and 1 or 0 }
