#!lua
-- Compares and swaps one claim. A swap from a value to itself without a ttl only reads.
--
-- KEYS: claims, claim expiries
-- ARGV: name, from, to ('' for none, else '=' and the value), ttl in ms or ''
-- Returns the value found, or false.
--@include claims

local name, from, to, ttl = ARGV[1], valueIn(ARGV[2]), valueIn(ARGV[3]), ARGV[4]
local found = claimed(KEYS[1], KEYS[2], name)
if found == from and (from ~= to or ttl ~= '') then claim(KEYS[1], KEYS[2], name, to, ttl) end
return found or false
