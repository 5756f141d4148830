#!lua flags=allow-oom
-- Takes away expired claims.
--
-- KEYS: claims, claim expiries
-- ARGV: how many at most
-- Returns 1 if there may be more, else 0
--@include claims

return prune(KEYS[1], KEYS[2], tonumber(ARGV[1])) and 1 or 0
