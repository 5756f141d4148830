#!lua flags=allow-oom
-- A write that means nothing: a replica that has it has all that was written before. Allowed when memory is
-- short, as settling is.
--
-- KEYS: replicated
-- ARGV: any value
-- Returns nothing.
redis.call('SET', KEYS[1], ARGV[1])
