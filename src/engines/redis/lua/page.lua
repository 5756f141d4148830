#!lua flags=no-writes
-- Reads a range of a stream, in which an entry may have a mark.
--
-- KEYS: stream, and of results their marks
-- ARGV: first and last bound in order of position, REV or '', limit, and of a reader that follows its place ('' at
--       the beginning)
-- Returns {{{stream id, {field, value…}, mark or false}…}, state (include/state.lua), or false without a place}
--@include state

local first, last, reverse, limit, place = unpack(ARGV)
local entries
if reverse == 'REV' then
  entries = redis.call('XREVRANGE', KEYS[1], last, first, 'COUNT', limit)
else
  entries = redis.call('XRANGE', KEYS[1], first, last, 'COUNT', limit)
end

local rows = {}
for i, entry in ipairs(entries) do
  rows[i] = { entry[1], entry[2], KEYS[2] and redis.call('HGET', KEYS[2], position(entry[1])) or false }
end
return { rows, place and stateOf(KEYS[1], place) or false }
