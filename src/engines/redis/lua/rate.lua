-- Counts requests of one client in a window that begins with its first one.
--
-- KEYS: the counter
-- ARGV: how many to add, the length of the window in seconds
-- Returns {how many there are now, milliseconds until the window ends}.

redis.call('SET', KEYS[1], 0, 'EX', ARGV[2], 'NX')
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  -- Somebody took its end away: without one, the client would be shut out for ever.
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
  return { tonumber(ARGV[1]), ARGV[2] * 1000 }
end
return { count, left }
