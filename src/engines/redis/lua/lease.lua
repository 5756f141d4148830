#!lua flags=allow-oom
-- Compares and swaps a partition's lease, whole, and says what then is. Allowed when memory is short, so that
-- settling can go on.
--
-- KEYS: lease
-- ARGV: nothing to only look, else from and to, three each: token, processor, beat ('' each for free)
-- Returns {token, processor, beat}, each false when the lease is free.

local LEASE = KEYS[1]

local function found() return redis.call('HMGET', LEASE, 'token', 'processor', 'beat') end

local now = found()
if #ARGV > 0 and (now[1] or '') == ARGV[1] and (now[2] or '') == ARGV[2] and (now[3] or '') == ARGV[3] then
  if ARGV[4] == '' then
    redis.call('DEL', LEASE)
  else
    redis.call('HSET', LEASE, 'token', ARGV[4], 'processor', ARGV[5], 'beat', ARGV[6])
  end
end
return found()
