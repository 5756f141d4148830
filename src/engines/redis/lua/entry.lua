#!lua flags=no-writes
-- Finds one entry of a stream by id.
--
-- KEYS: pairs of a hash from id to position, and the stream that the positions are in
-- ARGV: id
-- Returns {stream id, {field, value…}}, or false.

for i = 1, #KEYS, 2 do
  local at = redis.call('HGET', KEYS[i], ARGV[1])
  if at then return redis.call('XRANGE', KEYS[i + 1], at, at)[1] or false end
end
return false
