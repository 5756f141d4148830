#!lua flags=allow-oom
-- Notes that a processor lives, and drops those that have said nothing for long.
--
-- KEYS: processors
-- ARGV: processor id, its JSON
-- Returns the JSON of every processor.

-- Far beyond any lease, whose length others judge by their own clocks: only keeps the hash from growing.
local FORGOTTEN_AFTER = 3600

local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
local living = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local seen, json = string.match(all[i + 1], '^(%d+) (.*)$')
  if now - tonumber(seen) > FORGOTTEN_AFTER then
    redis.call('HDEL', KEYS[1], all[i])
  else
    living[#living + 1] = json
  end
end
return living
